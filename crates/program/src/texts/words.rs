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
