//! The sentences of bundles: sessions in files.

/// One row for each stable code of bundles.
pub(super) const TEXTS: &[(&str, &str, &str)] = &[
    (
        "BUNDLE-001",
        "摆渡文件无法读写（{detail}）。数据没有变动。请检查路径、U 盘和空间后重试。",
        "The bundle cannot be read or written ({detail}). Nothing has changed. Check the path, the stick and its space, and try again.",
    ),
    (
        "BUNDLE-002",
        "这不是摆渡文件，或出自更新版本的程序。没有接收任何内容，数据没有变动。请核对文件；文件无误时请升级本机程序。",
        "The file is no bundle, or one of a later program. Nothing was taken and nothing has changed. Check the file; if it is the right one, upgrade the program here.",
    ),
    (
        "BUNDLE-003",
        "摆渡文件不完整或被改动过（{detail}）。没有接收任何内容，双方数据都安全。请重新复制；仍不行，请对方重新导出。",
        "The bundle is cut short or was altered ({detail}). Nothing was taken, and the data of both sides is safe. Copy it again; if it stays so, let the other side export anew.",
    ),
    (
        "BUNDLE-004",
        "摆渡文件不是给本机的，是给副本 {to} 的，本机也打不开。没有接收任何内容，数据没有变动。请把它带到那一方，另取给本机的文件。",
        "The bundle is not for this program but for replica {to}, and cannot be opened here. Nothing was taken and nothing has changed. Carry it there, and get the one for this program.",
    ),
    (
        "BUNDLE-005",
        "摆渡文件是用本机从前的或另一把密钥封的，打不开。没有接收任何内容，数据没有变动。请先从本机导出一份带给对方，再请对方重新导出。",
        "The bundle was sealed to another key of this program and cannot be opened. Nothing was taken and nothing has changed. Export from here first and carry it over; then let the other side export anew.",
    ),
    (
        "BUNDLE-006",
        "摆渡文件上写的发送方与证书不符，或者本机不与它交换。没有接收任何内容，数据没有变动。请查明文件的来源。",
        "The sender that the bundle names is not the one of its certificate, or is none of ours. Nothing was taken and nothing has changed. Find out where the file comes from.",
    ),
    (
        "BUNDLE-007",
        "{peer} 于 {made} 导出的这份文件已经收过，或者已经收过更晚的一份，里面的内容都在。没有重复接收，数据没有变动。请换对方最近导出的文件。",
        "This bundle, exported by {peer} at {made}, was taken before, or a later one was; all that is in it is here. It was not taken again and nothing has changed. Use the newest bundle of the other side.",
    ),
    (
        "BUNDLE-008",
        "{peer} 于 {made} 导出的这份文件，比本机已知的它的进度还旧：内容多半已从线路收到，或者对方的数据被回退过。没有接收任何内容，双方数据都安全。请从本机导出一份给对方导入，再请对方重新导出；仍不行，请对方重新启动程序后再导出。",
        "This bundle, exported by {peer} at {made}, is behind what is known of its sender: its content came by a line already, or the sender was rolled back. Nothing was taken, and the data of both sides is safe. Export from here, import it there, and let the other side export anew; if it stays so, let it restart its program first.",
    ),
    (
        "BUNDLE-009",
        "{file} 已存在，而且不是摆渡文件，没有覆盖。数据没有变动。请换一个文件名。",
        "{file} exists and is no bundle; it was not overwritten. Nothing has changed. Choose another name.",
    ),
    (
        "BUNDLE-010",
        "{peer} 的这份文件从后面的进度开始，中间缺一段（本机 < 文件：{detail}）。缺的一段没有接收，数据没有变动。请从本机导出一份给对方导入，对方下一次导出就从本机的进度开始。",
        "This bundle of {peer} starts behind the point where this side stands (here < bundle: {detail}). That part was not taken and nothing is lost. Export from here and import it there: their next bundle starts where this side stands.",
    ),
    (
        "BUNDLE-011",
        "没有写明导出给哪个节点。没有导出，数据没有变动。请加上 --peer 节点编号，用 node list 查看。",
        "It is not clear for which node the bundle is. Nothing was exported and nothing has changed. Add --peer NODE; see node list.",
    ),
    (
        "BUNDLE-012",
        "本机还不知道节点 {peer} 的密钥，不能封给它。没有导出，数据没有变动。请先导入一份该节点导出的文件。",
        "The key of node {peer} is not known here yet, so nothing can be sealed to it. Nothing was exported and nothing has changed. Import a bundle of that node first.",
    ),
    (
        "BUNDLE-013",
        "--peer 只用于市级：区级只与本市交换。没有导出，数据没有变动。请去掉 --peer。",
        "--peer works at the hub only: a node exchanges with its hub. Nothing was exported and nothing has changed. Leave it out.",
    ),
    (
        "BUNDLE-014",
        "节点 {peer} 已停用，不再与它交换。没有导出，数据没有变动。若要恢复，请用 node invite 发新的邀请码。",
        "Node {peer} is no longer active and nothing is exchanged with it. Nothing was exported and nothing has changed. To take it back, use node invite.",
    ),
];
