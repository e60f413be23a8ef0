//! The words for states, where people read them: scripts get the names.

use domain::label::Language;

/// How the line to a peer stands, with the code of what stood in the way where there is one.
#[must_use]
pub fn peer_state(state: &str, language: Language) -> String {
    let (name, code) = state.split_once(": ").unwrap_or((state, ""));
    let word = match name {
        "connected" => language.pick("已连接", "connected"),
        "calling" => language.pick("正在呼叫", "calling"),
        "offline" => language.pick("未连接", "not connected"),
        "unreachable" => language.pick("联系不上", "unreachable"),
        "refused" => language.pick("被拒绝", "refused"),
        "never" => language.pick("从未联系", "has never called"),
        "stopped" => language.pick("没有呼叫", "not calling"),
        "revoked" => language.pick("已吊销", "revoked"),
        other => other,
    };
    if code.is_empty() {
        return word.to_owned();
    }
    match language {
        Language::Zh => format!("{word}（{code}）"),
        Language::En => format!("{word} ({code})"),
    }
}

/// How far a claim or a move has come, where the schema has no word for it.
#[must_use]
pub fn state(name: &str, language: Language) -> &str {
    match name {
        "open" => language.pick("待裁定", "open"),
        "ruled" => language.pick("已裁定", "ruled"),
        "moot" => language.pick("已不成立", "moot"),
        "unopened" => language.pick("尚未立案", "not opened yet"),
        "circle" => language.pick("互相并入成环", "merged in a circle"),
        "contested" => language.pick("归属有争议", "contested"),
        other => other,
    }
}

/// Whether a record's present state is known to be at the other side.
#[must_use]
pub fn sync(name: &str, language: Language) -> &str {
    match name {
        "pending" => language.pick("待送达", "pending"),
        "acked" => language.pick("已送达", "acked"),
        "refused" => language.pick("被退回", "refused"),
        other => other,
    }
}

/// How a value came in.
#[must_use]
pub fn source(name: &str, language: Language) -> &str {
    match name {
        "form" => language.pick("表单", "form"),
        "import" => language.pick("导入", "import"),
        "command" => language.pick("命令", "command"),
        "decision" => language.pick("处理决定", "decision"),
        "unknown" => language.pick("不详", "not known"),
        other => other,
    }
}

/// What was done about a write that was taken back.
#[must_use]
pub fn done(how: &str, language: Language) -> &str {
    match how {
        "retried" => language.pick("已重新提交", "submitted again"),
        "dropped" => language.pick("不再处理", "dropped"),
        "accepted" => language.pick("归属辖区已采纳", "accepted by its home"),
        "declined" => language.pick("归属辖区不采纳", "declined by its home"),
        other => other,
    }
}

/// A remark behind something, in the brackets of the language.
#[must_use]
pub fn aside(text: &str, language: Language) -> String {
    match language {
        Language::Zh => format!("（{text}）"),
        Language::En => format!(" ({text})"),
    }
}

/// Which of the two programs.
#[must_use]
pub fn side(name: &str, language: Language) -> &str {
    match name {
        "hub" => language.pick("市级", "hub"),
        "node" => language.pick("区级", "node"),
        other => other,
    }
}
