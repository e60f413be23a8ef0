//! The sentences of proofs: certificates, receipts, and why one does not hold.
//!
//! `{side}` is `node` or `hub`; `{detail}` names incarnations and numbers.

/// One row for each stable code.
pub(super) const TEXTS: &[(&str, &str, &str)] = &[
    (
        "PROOF-001",
        "双方还没有停在同一截点上，多次尝试都有新的修改。数据安全，没有出具证书。请在填报间隙重试。",
        "The two sides do not stand at one cut: something changed at every try. The data is safe, no certificate was made. Try again in a quiet moment.",
    ),
    (
        "PROOF-002",
        "双方停在同一截点，但内容不一致。数据安全，没有出具证书。请先执行 sync --once 补齐；若反复出现，请联系市级管理员。",
        "Both sides stand at one cut and do not hold the same. The data is safe, no certificate was made. Run sync --once first; if it comes back, tell the city's administrator.",
    ),
    (
        "PROOF-003",
        "辖区的修改太多，内存中无法一次核算。数据安全，没有出具证书。请联系支持人员。",
        "The scope has more writes than can be accounted for at once. The data is safe, no certificate was made. Ask for help.",
    ),
    (
        "PROOF-004",
        "对端的应答不符合核对协议。数据没有变动，没有出具证书。请检查双方程序版本。",
        "The peer's answer does not fit the proof. Nothing has changed, no certificate was made. Check the versions of both programs.",
    ),
    (
        "PROOF-005",
        "核对没有在规定时间内完成。数据安全，没有出具证书。请在线路空闲时重试。",
        "The proof was not made in time. The data is safe, no certificate was made. Try again when the line is idle.",
    ),
    (
        "PROOF-006",
        "市级现在不能核对：正忙，或出错已记入市级日志。数据安全，没有出具证书。请稍后重试；仍不行请联系市级管理员。",
        "The hub cannot prove at present: it is busy, or failed and has logged why. The data is safe, no certificate was made. Try again shortly; if it stays so, tell the city's administrator.",
    ),
    (
        "PROOF-007",
        "证书由区级节点发起。数据没有变动。请在节点上执行 certificate make；市级用 certificate list 查看留存的副本。",
        "A certificate is made at a node. Nothing has changed. Run certificate make there; the hub's copies are in certificate list.",
    ),
    (
        "PROOF-010",
        "文件不是证书，或由更新版本的程序出具（{detail}）。不能据此判断。请核对文件。",
        "The file is no certificate, or of a later program ({detail}). It proves nothing either way. Check the file.",
    ),
    (
        "PROOF-011",
        "{side} 的签名与内容不符：证书被改动过。不能据此判断。请重新出具。",
        "The signature of the {side} does not fit: the certificate was altered. It proves nothing. Make another.",
    ),
    (
        "PROOF-012",
        "{side} 的签名不是本市颁发的身份所签（{detail}）。不能据此判断。请核对证书来源。",
        "The {side} has not signed with an identity of this city ({detail}). It proves nothing. Check where it came from.",
    ),
    (
        "PROOF-013",
        "双方声明的不是同一截点（{detail}，{side}）。不能据此判断。请重新出具。",
        "The two statements are not of one cut ({detail}, {side}). It proves nothing. Make another.",
    ),
    (
        "PROOF-014",
        "{side} 的各项数目加起来与修改总数不符（{detail}）。不能证明没有丢失。请重新出具，并保留双方日志。",
        "The numbers of the {side} do not add up ({detail}). It does not prove that nothing was lost. Make another and keep the logs of both sides.",
    ),
    (
        "PROOF-015",
        "{side} 有修改下落不明（{detail} 次）。其余数据安全。请查看清单，从更新的备份或纸质材料补录。",
        "Writes of the {side} are missing ({detail}). All else is safe. See the list, and enter them again from a newer backup or from paper.",
    ),
    (
        "PROOF-016",
        "{side} 的日志与对方所知不同，或同一编号有两种内容（{detail}）：副本被复制或回退过。双方数据都已保留。请联系市级管理员。",
        "The journal of the {side} is not the one that the other side knows, or one write has two contents ({detail}): a replica was cloned or rolled back. Both sides' data is kept. Tell the city's administrator.",
    ),
    (
        "PROOF-017",
        "对方知道 {side} 的更多修改，而声明没有交代（{detail}）。不能证明没有丢失。请重新出具。",
        "The other side knows of more writes of the {side} than the statement accounts for ({detail}). It does not prove that nothing was lost. Make another.",
    ),
    (
        "PROOF-021",
        "没有编号为 {id} 的证书。数据没有变动。用 certificate list 查看。",
        "There is no certificate {id}. Nothing has changed. See certificate list.",
    ),
    (
        "PROOF-022",
        "文件 {file} 不是颁发机构的证书。不能据此核对。请用市级的 ca.crt 或节点的 hub.crt。",
        "{file} is not the authority's certificate. Nothing can be checked by it. Use the hub's ca.crt or a node's hub.crt.",
    ),
    (
        "PROOF-030",
        "还没有市级的回执。数据安全。同步有新修改之后就会有。",
        "There is no receipt of the hub yet. The data is safe. One comes with the next delivery.",
    ),
    (
        "PROOF-031",
        "文件不是回执。不能据此判断。请核对文件。",
        "The file is no receipt. It proves nothing either way. Check the file.",
    ),
    (
        "PROOF-032",
        "回执不成立：签名与内容不符，或不是本市颁发的身份所签。不能据此证明已送达。请重新同步后另存。",
        "The receipt is not good: its signature does not fit, or is not by an identity of this city. It does not prove a delivery. Sync again and save the new one.",
    ),
];
