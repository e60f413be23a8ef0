//! What a system, TLS or the line says when something fails, in the words of whoever reads it.
//!
//! Such a text is a chain of causes in English, parted by colons. Links that people meet have a
//! sentence each; one that only says that there is a cause is left out; a name or a path stays as it
//! is. The chain as it came stands in the log, and in the `detail` of `--json`.

use std::borrow::Cow;

use domain::label::Language;

use super::words;

/// Links that say no more than the sentence around them.
const WRAPPERS: &[&str] = &[
    "hub cannot be reached",
    "connection was refused",
    "tcp connect error",
    "transport error",
    "error trying to connect",
    "client error",
    "connection error",
    "dns error",
    "io error",
    "received fatal alert",
];

/// Links with a sentence, without the number that a system adds.
const LINKS: &[(&str, &str)] = &[
    // The line.
    ("connection refused", "对方没有程序在这个端口应答"),
    ("connection reset by peer", "连接被对方中断"),
    ("connection reset", "连接被对方中断"),
    ("connection aborted", "连接中断"),
    ("connection closed", "连接已关闭"),
    ("broken pipe", "连接中断"),
    ("not connected", "没有连接"),
    ("connection timed out", "等待对方应答超时"),
    ("timed out", "等待超时"),
    ("operation timed out", "等待超时"),
    ("deadline has elapsed", "等待超时"),
    ("timeout expired", "等待超时"),
    ("network is unreachable", "网络不通"),
    ("network unreachable", "网络不通"),
    ("no route to host", "到对方的网络不通"),
    ("host unreachable", "到对方的网络不通"),
    ("failed to lookup address information", "找不到这个主机名"),
    ("name or service not known", "没有这个主机名"),
    ("no address associated with hostname", "这个主机名没有地址"),
    ("temporary failure in name resolution", "域名服务没有应答"),
    ("address already in use", "端口已被占用"),
    ("cannot assign requested address", "本机没有这个地址"),
    // TLS and certificates.
    ("tls handshake eof", "握手中途对方断开"),
    ("unexpected end of file", "对方中途断开"),
    ("unexpected eof", "对方中途断开"),
    (
        "peer closed connection without sending tls close_notify",
        "对方没有道别就断开",
    ),
    ("invalid peer certificate", "对方的证书核对不通过"),
    ("unknownissuer", "不是本市颁发的"),
    ("unknown issuer", "不是本市颁发的"),
    ("unknownca", "对方不认识本机的证书颁发机构"),
    ("expired", "已过期"),
    ("notvalidyet", "尚未生效"),
    ("badsignature", "签名不符"),
    ("badcertificate", "对方不接受本机的证书"),
    ("certificateunknown", "对方不接受本机的证书"),
    ("certificateexpired", "对方认为本机的证书已过期"),
    ("certificaterevoked", "本机的证书已被撤销"),
    ("certificaterequired", "对方要求出示证书"),
    ("unsupportedcertificate", "对方不接受这种证书"),
    ("accessdenied", "对方拒绝访问"),
    ("handshakefailure", "握手失败"),
    ("decrypterror", "对方解不开握手消息"),
    ("protocolversion", "双方的 TLS 版本不同"),
    ("noapplicationprotocol", "应答的不是两新程序"),
    (
        "received corrupt message of type invalidcontenttype",
        "应答的不是加密端口",
    ),
    ("certificate was revoked by the hub", "证书已被市级撤销"),
    ("own certificate has expired", "本机的证书已过期"),
    ("certificate of the hub has expired", "市级的证书已过期"),
    ("clock differs from the hub's", "本机时钟与市级不符"),
    (
        "certificate is of an unknown authority",
        "证书不是本市颁发的",
    ),
    ("another hub answers", "应答的是另一个市级程序"),
    (
        "own certificate or key cannot be used",
        "本机的证书或密钥不能使用",
    ),
    ("no certificate was presented", "没有出示证书"),
    ("certificate has expired", "证书已过期"),
    ("certificate is not valid yet", "证书尚未生效"),
    ("certificate was revoked", "证书已被撤销"),
    ("certificate is for another purpose", "证书的用途不符"),
    (
        "certificate belongs to another hub",
        "证书属于另一个市级程序",
    ),
    ("certificate cannot be read", "证书无法读取"),
    ("tls version is too old", "TLS 版本过低"),
    ("peer does not speak tls", "对方没有使用加密连接"),
    ("application protocol is not ours", "对方不是两新程序"),
    ("tls material cannot be used", "证书或密钥不能使用"),
    // Files and the disk.
    ("no such file or directory", "文件不存在"),
    ("permission denied", "没有权限"),
    ("operation not permitted", "没有权限"),
    ("no space left on device", "磁盘已满"),
    ("disk quota exceeded", "磁盘配额已满"),
    ("read-only file system", "磁盘以只读方式挂载"),
    ("file exists", "文件已存在"),
    ("is a directory", "这是一个目录"),
    ("not a directory", "路径中有一段不是目录"),
    ("directory not empty", "目录不是空的"),
    ("file name too long", "文件名太长"),
    ("too many open files", "打开的文件太多"),
    ("input/output error", "磁盘读写出错"),
    ("invalid data", "内容不合规"),
    (
        "passphrase is wrong or the sealed file was changed",
        "口令不对，或文件被改动",
    ),
    ("token was mistyped or cut short", "邀请码少了几位或抄错了"),
    (
        "token belongs to another version",
        "邀请码出自另一版本的程序",
    ),
    (
        "address is not of the form https://host:port",
        "地址不是 https://主机:端口 的形式",
    ),
];

/// A chain of causes for people. English stays as it came.
#[must_use]
pub fn cause(said: &str, language: Language) -> Cow<'_, str> {
    if language == Language::En {
        return Cow::Borrowed(said);
    }
    // An address has a colon of its own, but no space behind it. The form that is asked for does
    // not part.
    let links: Vec<&str> = said.split(": ").map(str::trim).collect();
    let is_known = |link: &&str| sentence(link).is_some();
    if !links.iter().any(is_known) {
        return Cow::Borrowed(said);
    }
    let links = links.into_iter().filter(|link| !is_wrapper(link));
    let mut told: Vec<&str> = Vec::new();
    for link in links {
        let link = sentence(link).unwrap_or(link);
        // Each layer may say the same.
        if told.last() != Some(&link) {
            told.push(link);
        }
    }
    Cow::Owned(told.join("："))
}

/// A peer's name for people: what it is, and where.
#[must_use]
pub fn peer(name: &str, language: Language) -> Cow<'_, str> {
    match language {
        Language::Zh if name.contains("hub https://") => {
            Cow::Owned(name.replace("hub https://", "市级 https://"))
        }
        _ => Cow::Borrowed(name),
    }
}

/// A fact of a sentence as people read it.
pub(super) fn fact<'a>(name: &str, value: &'a str, language: Language) -> Cow<'a, str> {
    match name {
        "detail" => cause(value, language),
        "peer" | "peers" | "nodes" => peer(value, language),
        "side" => Cow::Owned(words::side(value, language).to_owned()),
        _ => Cow::Borrowed(value),
    }
}

/// A link without the number of the system, in small letters.
fn plain(link: &str) -> String {
    let bare = link.split(" (os error").next().unwrap_or(link);
    bare.trim().trim_end_matches('.').to_lowercase()
}

fn is_wrapper(link: &str) -> bool {
    WRAPPERS.contains(&plain(link).as_str())
}

fn sentence(link: &str) -> Option<&'static str> {
    let plain = plain(link);
    let mut all = LINKS.iter();
    all.find(|(known, _)| *known == plain).map(|(_, zh)| *zh)
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;
    use crate::failure::{Exit, Failure, causes};

    fn zh(said: &str) -> String {
        cause(said, Language::Zh).into_owned()
    }

    #[test]
    fn what_the_line_says_is_said_in_chinese() {
        for (said, told) in [
            (
                "hub cannot be reached: tls handshake eof",
                "握手中途对方断开",
            ),
            (
                "hub cannot be reached: Connection refused (os error 111)",
                "对方没有程序在这个端口应答",
            ),
            ("hub cannot be reached: deadline has elapsed", "等待超时"),
            (
                "hub cannot be reached: failed to lookup address information: Name or service not known",
                "找不到这个主机名：没有这个主机名",
            ),
            (
                "LINK-007: connection was refused: invalid peer certificate: UnknownIssuer",
                "LINK-007：对方的证书核对不通过：不是本市颁发的",
            ),
            (
                "connection was refused: received fatal alert: CertificateUnknown",
                "对方不接受本机的证书",
            ),
        ] {
            assert_eq!(zh(said), told);
            assert_eq!(cause(said, Language::En), said);
        }
    }

    #[test]
    fn what_the_system_itself_says_has_a_sentence() {
        for number in [2, 13, 17, 20, 21, 24, 28, 30, 98, 101, 104, 110, 111, 113] {
            let said = Error::from_raw_os_error(number).to_string();
            let told = zh(&said);
            assert!(!told.contains("os error"), "{said}: {told}");
        }
        for kind in [
            ErrorKind::ConnectionRefused,
            ErrorKind::ConnectionReset,
            ErrorKind::TimedOut,
            ErrorKind::BrokenPipe,
            ErrorKind::UnexpectedEof,
        ] {
            let said = Error::from(kind).to_string();
            assert!(!zh(&said).is_ascii(), "{said}");
        }
    }

    #[test]
    fn names_and_what_nobody_knows_stay_as_they_came() {
        assert_eq!(
            zh("census: 2020.xlsx: No such file or directory (os error 2)"),
            "census：2020.xlsx：文件不存在"
        );
        for said in [
            "the engine: gave up",
            "https://10.0.0.1:7443",
            "timed out.csv",
            "",
        ] {
            assert_eq!(zh(said), said);
        }
    }

    /// People read "hub https://…（tls handshake eof）" in the middle of a Chinese sentence.
    #[test]
    fn a_sentence_takes_its_facts_in_its_language() {
        let failure = Failure::new("DOCTOR-009", Exit::Failed)
            .with("peer", "hub https://10.1.2.3:7443")
            .with(
                "detail",
                "LINK-001: hub cannot be reached: tls handshake eof",
            );
        let zh = failure.text(Language::Zh);
        assert!(
            zh.starts_with("联系不上 市级 https://10.1.2.3:7443：LINK-001：握手中途对方断开。"),
            "{zh}"
        );
        let en = failure.text(Language::En);
        assert!(
            en.contains("hub https://10.1.2.3:7443 cannot be reached: LINK-001"),
            "{en}"
        );
        assert!(en.contains("tls handshake eof"), "{en}");
    }

    #[test]
    fn a_side_is_said_in_the_language_of_the_sentence() {
        for code in ["PROOF-011", "PROOF-015"] {
            let failure = Failure::new(code, Exit::Failed);
            let failure = failure.with("side", "node").with("detail", 3);
            let zh = failure.text(Language::Zh);
            assert!(zh.starts_with("区级") && !zh.contains("node"), "{zh}");
            assert!(failure.text(Language::En).contains("of the node"));
        }
    }

    #[test]
    fn a_chain_of_a_dial_that_found_nobody_is_known() {
        let nobody = Error::from_raw_os_error(111);
        let error = link::DialError::Network(std::sync::Arc::new(nobody));
        assert_eq!(zh(&causes(&error)), "对方没有程序在这个端口应答");
    }
}
