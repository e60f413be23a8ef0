//! The sentences of the stable codes, in Chinese and English: what happened, what is safe, what
//! to do next.
//!
//! The page `docs/errors/README.md` is made of this table; a test fails when it is stale.

mod accounts;
mod across;
mod acts;
mod attach;
mod bundle;
pub mod causes;
mod import;
mod link;
mod operator;
mod proof;
mod records;
mod rules;
mod sheet;
mod store;
pub mod words;

pub use words::peer_state;

use domain::label::Language;

type Row = (&'static str, &'static str, &'static str);

/// Codes of the program itself, the store and the session.
const OWN: &[Row] = &[
    (
        "USAGE-001",
        "没有指明数据目录。数据没有变动。请加上 --data 目录，或设置 LIANGXIN_DATA。",
        "No data directory was given. Nothing has changed. Add --data DIR or set LIANGXIN_DATA.",
    ),
    (
        "USAGE-002",
        "“{date}”不是日期。数据没有变动。请写成 2020-09-30 的形式。",
        "\"{date}\" is not a date. Nothing has changed. Write it like 2020-09-30.",
    ),
    (
        "USAGE-003",
        "--today 只能用于以 --demo 建立的演示库。数据没有变动。请去掉 --today。",
        "--today works only on a store made with --demo. Nothing has changed. Leave it out.",
    ),
    (
        "USAGE-004",
        "账号名只能用文字、数字、点、下划线和连字符，最多 64 个字。数据没有变动。请换一个账号名。",
        "An account name has letters, digits, dots, underscores and hyphens, 64 at most. Nothing has changed. Choose another.",
    ),
    (
        "USAGE-005",
        "这条命令不能在运行中的程序里执行。数据没有变动。请先停止程序，再执行。",
        "This command does not run inside a serving program. Nothing has changed. Stop the program first.",
    ),
    (
        "USAGE-006",
        "命令的写法不对，没有执行。数据没有变动。请看下面的说明，或加 --help 查看写法。",
        "The command is not well formed and was not carried out. Nothing has changed. See below, or add --help.",
    ),
    (
        "DEMO-001",
        "演示数据只能写入以 --demo 建立的演示库。数据没有变动。请另建演示库：市级 init --demo，区级 join --demo。",
        "Demo data goes only into a store made with --demo. Nothing has changed. Make one: init --demo at the hub, join --demo at a node.",
    ),
    (
        "DEMO-002",
        "演示数据只有洛阳市（410300），这个演示库属于 {city}。数据没有变动。请用 init --demo --scope 410300 另建演示库。",
        "There is demo data only of Luoyang (410300); this store is of {city}. Nothing has changed. Make another with init --demo --scope 410300.",
    ),
    (
        "DIR-001",
        "目录 {dir} 里没有建立过程序。数据没有变动。市级请先执行 init，区级请先执行 join。",
        "No program was set up in {dir}. Nothing has changed. Run init at the hub, or join at a node, first.",
    ),
    (
        "DIR-002",
        "目录 {dir} 里已经有程序。原有数据没有变动。请换一个空目录。",
        "A program was set up in {dir} before. Its data has not changed. Use an empty directory.",
    ),
    (
        "DIR-003",
        "身份文件损坏，无法读写（{detail}）。数据没有变动。请从备份恢复 identity.json。",
        "The identity file cannot be read or written ({detail}). The data has not changed. Restore identity.json from a backup.",
    ),
    (
        "DIR-004",
        "目录属于另一种程序：市级目录用 liangxin-hub，区级目录用 liangxin-node。数据没有变动。",
        "The directory belongs to the other program: use liangxin-hub for a hub, liangxin-node for a node. Nothing has changed.",
    ),
    (
        "FILE-001",
        "找不到文件（{detail}）。数据没有变动。请核对路径。",
        "The file does not exist ({detail}). Nothing has changed. Check the path.",
    ),
    (
        "FILE-002",
        "没有读写权限（{detail}）。数据没有变动。请检查文件和目录的权限。",
        "The file may not be read or written ({detail}). Nothing has changed. Check the permissions.",
    ),
    (
        "FILE-003",
        "磁盘已满（{detail}）。已保存的数据安全。请腾出空间后重试。",
        "The disk is full ({detail}). What was saved is safe. Free some space and try again.",
    ),
    (
        "FILE-004",
        "系统拒绝了读写（{detail}）。已保存的数据安全。请检查磁盘后重试。",
        "The system refused to read or write ({detail}). What was saved is safe. Check the disk and try again.",
    ),
    (
        "CONFIG-001",
        "配置有误：{detail}。程序没有启动，数据没有变动。用 config sample 查看可用的设置。",
        "The settings are wrong: {detail}. The program has not started, nothing has changed. See config sample.",
    ),
    (
        "SERVE-001",
        "端口 {port} 已被占用。数据没有变动。请换一个端口，或停止占用它的程序。",
        "Port {port} is taken. Nothing has changed. Choose another, or stop the program that has it.",
    ),
    (
        "SERVE-002",
        "程序的一个部分异常结束（{detail}）。已保存的数据安全。请重新启动，并保留日志。",
        "A part of the program ended badly ({detail}). What was saved is safe. Start it again and keep the log.",
    ),
    (
        "ADMIN-001",
        "运行中的程序没有答复（{detail}）。请用 status 查看命令是否已生效，再决定是否重试。",
        "The serving program did not answer ({detail}). See with status whether the command took effect before you repeat it.",
    ),
    (
        "EDIT-001",
        "表单已过期：打开之后数据被恢复或回退过。没有保存。请重新打开再填。",
        "The form is stale: since it was opened the data was restored or rolled back. Nothing was saved. Open it again.",
    ),
    (
        "EDIT-002",
        "这一项已有太多并存的值。没有保存。请先处理冲突。",
        "This register holds too many candidates. Nothing was saved. Decide the conflict first.",
    ),
    (
        "EDIT-003",
        "没有要保存的内容，或同一项写了两次。没有保存。",
        "There is nothing to save, or one register was set twice. Nothing was saved.",
    ),
    (
        "EDIT-004",
        "记录太大（超过 256 KiB）。没有保存。请缩短文字。",
        "The record is too large (over 256 KiB). Nothing was saved. Shorten the texts.",
    ),
    (
        "EDIT-005",
        "写入任务太多，或程序正在停止。没有保存。请稍后重试。",
        "The writer has too much to do, or is stopping. Nothing was saved. Try again shortly.",
    ),
    (
        "EDIT-006",
        "该记录已不属于本辖区，没有保存。请联系现辖区，或由市级办理迁移。",
        "The record does not belong to this scope any more; nothing was saved. Ask the scope that has it, or have the city transfer it.",
    ),
    (
        "SYNC-100",
        "连接中断。已保存的数据安全，恢复后自动继续。",
        "The line broke. What was saved is safe; it goes on by itself.",
    ),
    (
        "SYNC-101",
        "收到无法识别的消息。数据没有变动。请检查双方程序版本。",
        "A message could not be understood. Nothing has changed. Check the versions of both programs.",
    ),
    (
        "SYNC-102",
        "双方协议版本不相容。数据没有变动。请升级较旧的一方。",
        "The two programs speak different protocols. Nothing has changed. Upgrade the older one.",
    ),
    (
        "SYNC-103",
        "消息次序不符合协议。数据没有变动。连接已断开，稍后自动重连。",
        "A message came out of order. Nothing has changed. The session ended and will be tried again.",
    ),
    (
        "SYNC-104",
        "一批数据超过上限。没有接收。请检查对端程序。",
        "A batch was over the limit. It was not taken. Check the program at the other end.",
    ),
    (
        "SYNC-105",
        "对端发送过快，超过窗口。没有接收多余部分，稍后自动重连。",
        "The peer sent more than its window. The rest was not taken; it will be tried again.",
    ),
    (
        "SYNC-106",
        "收到其他辖区的数据流。没有接收。请核对节点的辖区。",
        "A feed of another scope came. It was not taken. Check the scope of the node.",
    ),
    (
        "SYNC-107",
        "数据流不连续。没有接收，重连后从断点继续。",
        "A batch does not continue the feed. It was not taken; the next session resumes from the checkpoint.",
    ),
    (
        "SYNC-108",
        "收到无法解读的记录。没有接收。请检查对端程序。",
        "A record could not be read. It was not taken. Check the program at the other end.",
    ),
    (
        "SYNC-110",
        "本节点的运行状态曾被回退。双方没有接收任何数据；回退后的修改已收回为草稿，随即自动重新核对。",
        "This node was rolled back while it ran. Neither side has taken anything; later writes are kept as drafts, and it heals by itself at once.",
    ),
    (
        "SYNC-111",
        "对端的副本编号与证书不符。没有接收。请重新入网。",
        "The peer's replica is not the one its certificate names. Nothing was taken. Enrol again.",
    ),
    (
        "SYNC-112",
        "市级没有开放本节点的辖区。没有接收。请联系市级管理员。",
        "The hub does not offer this node's scope. Nothing was taken. Ask the city's administrator.",
    ),
    (
        "SYNC-114",
        "对端在规定时间内没有应答。稍后自动重连。",
        "The peer did not greet in time. It will be tried again.",
    ),
    (
        "SYNC-115",
        "同一节点已有新的连接，旧连接结束。",
        "A newer session of the same node has ended this one.",
    ),
    (
        "SYNC-120",
        "记录引用了尚未收到的修改，暂缓接收。重新比对后自动补齐。",
        "The record names writes that have not arrived yet; it waits and is healed by the next comparison.",
    ),
    (
        "SYNC-121",
        "同一编号出现了两种内容，说明副本被复制或回退过。两份都已保留，等待处理。",
        "One write has two contents: a replica was cloned or rolled back. Both are kept until a person decides.",
    ),
    (
        "SYNC-122",
        "收到冒用其他副本编号的修改，已拒绝并记录。",
        "A write under another replica's name was refused and recorded.",
    ),
    (
        "SYNC-123",
        "收到其他辖区的记录，已拒绝并记录。本辖区数据没有变动。请核对节点的辖区。",
        "A record of another scope came and was refused and recorded. Nothing has changed. Check the scope of the node.",
    ),
    (
        "SYNC-124",
        "合并后的记录超过大小上限，双方内容都已保留，等待处理。请缩短其中的长文字。",
        "The merged record would be over the limit of size. Both contents are kept until a person decides. Shorten its texts.",
    ),
    (
        "SYNC-125",
        "同一编号有两种内容，管理员已决定保留市级现有的一份。本方的一份已收回为草稿，可重新提交。",
        "One write had two contents, and the administrator has kept the one held here. The other is kept as a draft and can be entered again.",
    ),
    (
        "SYNC-126",
        "对方暂缓接收此记录，等待处理。双方内容都已保留。请查看 quarantine。",
        "The peer holds this record back until a person decides. Both contents are kept. See quarantine.",
    ),
    (
        "SYNC-127",
        "记录所依据的迁移或市级修改，市级尚不知晓，暂缓接收。若市级曾用旧磁盘恢复，请在市级执行 refill；各节点都已核对仍如此，请在市级重新迁移该单位。",
        "The record rests on a transfer or a write of the city that the hub does not know; it waits. If the hub was put back from an old disk, run refill there; if it stays so when all nodes have called, transfer the organisation again.",
    ),
    (
        "SYNC-128",
        "收到的记录会使已有的值无故消失，未予接收。现有数据没有变动。再次收到时转入 quarantine，等待处理。",
        "The record would make a value disappear that nobody replaced; it was not taken. What is here has not changed. If it comes again, it is held back: see quarantine.",
    ),
    (
        "SYNC-130",
        "双方尚未核对一致，已到等待时限。已保存的数据安全。请查看 status。",
        "Both sides were not found equal in time. What was saved is safe. See status.",
    ),
    (
        "SYNC-131",
        "记录已迁往其他辖区，此修改来迟。修改已收回为草稿，并作为建议转给现辖区。",
        "The record belongs to another scope by now; the write came too late. It is kept as a draft, and the new scope sees it as a proposal.",
    ),
    (
        "SYNC-132",
        "本节点曾被市级隔离，隔离期间未送出的修改已收回为草稿，并作为建议提交。请逐条确认。",
        "This node was fenced; what it had not sent is kept as drafts and shown as proposals. Go through them one by one.",
    ),
    (
        "SYNC-133",
        "本机运行状态曾被回退，其后的修改已收回为草稿。市级已有的会自动恢复，其余请重新提交。",
        "This machine was rolled back while it ran; later writes are kept as drafts. What the city has comes back by itself; enter the others again.",
    ),
    (
        "SYNC-140",
        "发现本节点有两个副本同时运行，此副本已停止同步。数据都已保留。请停止其中一个，再重新启动要保留的一个。",
        "Two copies of this node are running; this one is not let in. Nothing is lost. Stop one of them and restart the one that stays.",
    ),
    (
        "NODE-001",
        "本节点尚未入网。数据没有变动。请先执行 join。",
        "This node has not joined a hub. Nothing has changed. Run join first.",
    ),
    (
        "NODE-002",
        "邀请码无法识别：{detail}。没有入网。请重新复制完整的邀请码。",
        "The token cannot be read: {detail}. Nothing was joined. Copy the whole token again.",
    ),
    (
        "NODE-003",
        "市级地址无法识别：{detail}。请写成 https://主机:端口。",
        "The hub's address cannot be read: {detail}. Write it as https://HOST:PORT.",
    ),
    (
        "HUB-001",
        "没有编号为 {id} 的节点。数据没有变动。用 node list 查看。",
        "There is no node {id}. Nothing has changed. See node list.",
    ),
    (
        "HUB-002",
        "辖区 {scope} 的编号不合规。没有发出邀请。请用六位代码。",
        "{scope} is not a scope code. No invitation was made. Use a code of six characters.",
    ),
    (
        "HUB-003",
        "证书颁发机构的密钥无法打开（{detail}）。数据没有变动。请核对口令文件。",
        "The key of the authority cannot be opened ({detail}). Nothing has changed. Check the passphrase file.",
    ),
    (
        "HUB-004",
        "辖区 {scope} 已以另一个名称“{name}”登记。没有发出邀请。",
        "Scope {scope} is registered under another name, \"{name}\". No invitation was made.",
    ),
    (
        "HUB-005",
        "邀请有效期 {ttl} 无法识别。请写成 24h、90m 或 7d。",
        "The time to live {ttl} cannot be read. Write it like 24h, 90m or 7d.",
    ),
    (
        "HUB-006",
        "辖区 {scope} 不在本市（{city}）之内。没有发出邀请，数据没有变动。请核对代码；没有国家代码的功能区，用第五位为 L 的自定代码。",
        "Scope {scope} lies outside the city {city}. No invitation was made and nothing has changed. Compare the code; a zone without a national code takes a local one, with an L in the fifth place.",
    ),
    (
        "CONSOLE-001",
        "控制台将在后续版本提供（comes later）。请先不加 --console 启动。",
        "The console comes later. Start without --console.",
    ),
    (
        "DOCTOR-001",
        "有 {n} 项冲突待处理。数据都在。用 conflict list 查看。",
        "{n} conflicts are open. Nothing is lost. See conflict list.",
    ),
    (
        "DOCTOR-002",
        "有 {n} 项修改被拒绝或收回，还没有人处理。内容已保留。用 refusal list 查看，改正后用 refusal retry 重新提交，不再需要的用 refusal drop。",
        "{n} writes were refused or taken back and nobody has seen to them. Their text is kept. See refusal list, then refusal retry, or refusal drop.",
    ),
    (
        "DOCTOR-003",
        "有 {n} 条记录被隔离。双方内容都已保留。请市级管理员用 quarantine list 查看并处理。",
        "{n} records are held back. Both contents are kept. The city's administrator sees them with quarantine list and decides.",
    ),
    (
        "DOCTOR-004",
        "证书还有 {days} 天到期。联网后自动续期；长期离线请申请新的邀请码。",
        "The certificate ends in {days} days. It renews by itself on line; when long off line ask for a new token.",
    ),
    (
        "DOCTOR-005",
        "对端 {peer} 还有 {n} 项修改未确认收到。数据安全，联网后自动送达。",
        "{n} changes are not acked by {peer}. They are safe and go when the line is up.",
    ),
    (
        "DOCTOR-006",
        "与 {peer} 的数据指纹不一致。数据安全，正在逐桶比对。若长时间不消除，请联系市级管理员。",
        "The fingerprint differs from {peer}. The data is safe and is compared bucket by bucket. If it stays, ask the city's administrator.",
    ),
    (
        // What the hub says: its own administrator reads it.
        "DOCTOR-006-HUB",
        "与 {peer} 的数据指纹不一致。数据安全，该节点下次联系时逐桶比对补齐。请让该节点执行一次 sync --once；仍不消除的，用 quarantine list 查看有无隔离的记录，再用 verify 核对，并保留双方日志。",
        "The fingerprint differs from {peer}. The data is safe and is compared bucket by bucket when that node next calls. Let it run sync --once; if it stays, see quarantine list for records held back, run verify, and keep the logs of both sides.",
    ),
    (
        "DOCTOR-007",
        "证书颁发机构的密钥没有口令保护，以 0600 权限存放在数据目录。请限制对该目录的访问，或用 --passphrase-file 重新建立。",
        "The key of the authority has no passphrase; it lies in the directory with mode 0600. Guard the directory, or set up with --passphrase-file.",
    ),
    (
        "DOCTOR-008",
        "{peer} 的时钟比本机快 {seconds} 秒（负数为慢）。数据不受影响，显示的时间可能不准。请核对双方的时间，校准不准的一方。",
        "The clock of {peer} is {seconds} s ahead of this one (less than nothing: behind). Data is not affected, shown times may be. Set the wrong one.",
    ),
    (
        "DOCTOR-009",
        "联系不上 {peer}：{detail}。填报不受影响，恢复后自动同步。若长时间不通，请检查线路、地址和防火墙。",
        "{peer} cannot be reached: {detail}. Work goes on; it syncs by itself when the line is back. If it stays so, check the line, the address and the firewall.",
    ),
    (
        "DOCTOR-010",
        "{peer} 已 {days} 天没有联系。双方的数据都安全，恢复联系后自动同步。请联系对方，查明程序是否在运行、线路是否通。",
        "{peer} has not been heard of for {days} days. Both sides' data is safe and syncs by itself later. Ask them whether the program runs and the line is up.",
    ),
];

fn tables() -> impl Iterator<Item = &'static Row> {
    OWN.iter()
        .chain(link::TEXTS)
        .chain(bundle::TEXTS)
        .chain(operator::TEXTS)
        .chain(records::TEXTS)
        .chain(across::TEXTS)
        .chain(attach::TEXTS)
        .chain(import::TEXTS)
        .chain(sheet::TEXTS)
        .chain(proof::TEXTS)
        .chain(store::TEXTS)
        .chain(rules::TEXTS)
        .chain(acts::TEXTS)
        .chain(accounts::TEXTS)
}

/// The sentence of a code with its facts in it, as people read it. Where a fact is not known it says
/// so: a place that nobody filled is never shown.
#[must_use]
pub fn of(code: &str, language: Language, facts: &[(&'static str, String)]) -> String {
    let unknown = language.pick("不详", "not known");
    let mut parts = pattern(code, language).split('{');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or(("", part));
        let fact = facts.iter().find(|(known, _)| *known == name);
        match fact {
            Some((_, value)) => text.push_str(&causes::fact(name, value, language)),
            None => text.push_str(unknown),
        }
        text.push_str(rest);
    }
    text
}

/// The sentence of a code, with places for facts; for one that no table has, a sentence that says
/// so.
fn pattern(code: &str, language: Language) -> &'static str {
    let found = tables().find(|(known, _, _)| *known == code);
    match (found, language) {
        (Some((_, zh, _)), Language::Zh) => zh,
        (Some((_, _, en)), Language::En) => en,
        (None, Language::Zh) => {
            "发生了没有登记的情况。已保存的数据安全。请保留日志并联系支持人员。"
        }
        (None, Language::En) => {
            "Something happened that is not in the list. What was saved is safe. Keep the log and ask for help."
        }
    }
}

/// The sentences of a code in Chinese and English, with places for facts.
pub(crate) fn pair(code: &str) -> (&'static str, &'static str) {
    (pattern(code, Language::Zh), pattern(code, Language::En))
}

/// Whether a code has a sentence.
#[must_use]
pub fn has(code: &str) -> bool {
    tables().any(|(known, _, _)| *known == code)
}

/// What a check of `doctor` says when all is well: code, Chinese, English.
const WELL: &[(&str, &str, &str)] = &[
    ("DOCTOR-001", "没有待处理的冲突", "no open conflicts"),
    ("DOCTOR-002", "没有被拒绝的修改", "no refused writes"),
    ("DOCTOR-003", "没有被隔离的记录", "no records held back"),
    ("DOCTOR-004", "证书有效", "the certificate is good"),
    ("DOCTOR-005", "没有待送达的修改", "nothing waits to be sent"),
    ("DOCTOR-006", "没有发现不一致", "no difference found"),
    (
        "DOCTOR-007",
        "证书颁发机构的密钥有口令保护",
        "the authority's key has a passphrase",
    ),
    ("DOCTOR-008", "时钟相符", "the clocks agree"),
    (
        "DOCTOR-009",
        "没有要连接的对端",
        "there is no peer to reach",
    ),
    (
        "DOCTOR-010",
        "对端近期有联系",
        "the peer was heard of lately",
    ),
    ("DOCTOR-011", "没有积压", "nothing has waited long"),
    (
        "DOCTOR-012",
        "没有冲突集中的来源",
        "no source makes conflicts by the hundred",
    ),
    ("DOCTOR-013", "磁盘空间足够", "there is room on the disk"),
    ("DOCTOR-014", "内存占用正常", "memory is within its limit"),
    (
        "DOCTOR-015",
        "数据库逐条核对无误",
        "every record was checked and is sound",
    ),
    ("DOCTOR-016", "修改日志连续完整", "the journals are whole"),
    ("DOCTOR-017", "没有发现复制的副本", "no clone is suspected"),
    (
        "DOCTOR-018",
        "没有发现回到旧状态的副本",
        "nobody was found restored",
    ),
    (
        "DOCTOR-019",
        "没有应当隔离的节点",
        "no node is due for fencing",
    ),
    (
        "DOCTOR-020",
        "本机数据结构版本不落后",
        "this schema is not behind",
    ),
    (
        "DOCTOR-021",
        "对端数据结构版本不落后",
        "the peer's schema is not behind",
    ),
    ("DOCTOR-022", "备份是近期做的", "the backup is recent"),
    (
        "DOCTOR-023",
        "做过核对过的备份",
        "there is a verified backup",
    ),
    (
        "DOCTOR-024",
        "修复或恢复之后没有找不到的修改",
        "no write is missing after a repair",
    ),
    (
        "DOCTOR-025",
        "没有节点知道本机遗忘的修改",
        "no node knows what this replica has lost",
    ),
    ("DOCTOR-026", "没有正在进行的回填", "no refill is under way"),
    (
        "DOCTOR-027",
        "数据文件里没有已清除的内容",
        "the files hold nothing that was erased",
    ),
    (
        "DOCTOR-028",
        "数据库已加密，密钥不在数据目录里",
        "the store is encrypted, and its key lies elsewhere",
    ),
    (
        "DOCTOR-028-BESIDE",
        "数据库已加密；密钥就在数据目录里，拿走这块磁盘的人也拿走了密钥",
        "the store is encrypted; its key lies beside it, so whoever takes the disk has both",
    ),
    (
        "DOCTOR-028-NONE",
        "数据库按设置没有加密：能读这块磁盘的人就能读到其中的姓名",
        "the store is not encrypted, as the settings say: whoever reads the disk reads the names in it",
    ),
    (
        "DOCTOR-041",
        "停用的辖区都有承接",
        "every scope that ended has a successor",
    ),
    ("DOCTOR-042", "没有待裁定的重复登记", "no claims wait"),
    ("DOCTOR-043", "没有待办理的迁移", "no moves wait"),
    ("DOCTOR-044", "没有待答复的迟到修改", "no late writes wait"),
    (
        "DOCTOR-045",
        "没有党组织已撤销而尚未终止的覆盖关系",
        "no coverage goes on under a dissolved Party organisation",
    ),
    (
        "DOCTOR-046",
        "没有账号因输错口令而等待",
        "no account waits after wrong passwords",
    ),
    (
        "DOCTOR-046-NONE",
        "尚未建立账号：能打开数据目录的人都是管理员，写在谁名下由 --as 说了算",
        "there are no accounts: whoever can open the directory is administrator, as whom --as says",
    ),
    (
        "DOCTOR-051",
        "没有待复核的示范点，待办理的申报其党组织都在",
        "no point is under review, no nomination waits whose Party organisation has ended",
    ),
    (
        "DOCTOR-052",
        "每个附件的内容都有记录引用",
        "every content of an attachment is named by a record",
    ),
];

/// What a check of `doctor` says when all is well.
#[must_use]
pub fn well(code: &str, language: Language) -> &'static str {
    let row = WELL.iter().find(|(known, _, _)| *known == code);
    let (zh, en) = row.map_or(("正常", "all is well"), |(_, zh, en)| (*zh, *en));
    language.pick(zh, en)
}

/// The page of all codes, in Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "# 错误代码 / Error codes\n\n本页由程序生成。每条说明：发生了什么、哪些数据安全、下一步做什么。\n\n| 代码 | 说明 | English |\n| --- | --- | --- |\n",
    );
    let mut rows: Vec<&Row> = tables().collect();
    rows.sort_unstable();
    for (code, zh, en) in rows {
        page.push_str(&["| ", code, " | ", zh, " | ", en, " |\n"].concat());
    }
    page
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    #[test]
    fn every_code_has_one_sentence_in_each_language() {
        let mut seen = BTreeSet::new();
        for (code, zh, en) in tables() {
            assert!(seen.insert(code), "{code} stands twice");
            assert!(!zh.is_empty() && !en.is_empty(), "{code}");
            let names = |text: &str| -> BTreeSet<String> {
                text.split('{')
                    .skip(1)
                    .filter_map(|t| t.split('}').next())
                    .map(str::to_owned)
                    .collect()
            };
            assert_eq!(
                names(zh),
                names(en),
                "{code} names other facts in the two languages"
            );
        }
    }

    #[test]
    fn no_sentence_shows_a_place_that_was_not_filled() {
        for (code, ..) in tables() {
            for language in [Language::Zh, Language::En] {
                let bare = crate::failure::Failure::new(*code, crate::failure::Exit::Failed);
                let text = bare.text(language);
                assert!(!text.contains(['{', '}']), "{text}");
            }
        }
    }

    #[test]
    fn what_a_fact_says_is_not_filled_again() {
        let failure = crate::failure::Failure::new("DOCTOR-009", crate::failure::Exit::Failed);
        let failure = failure.with("peer", "{detail}").with("detail", "no line");
        let text = failure.text(Language::En);
        assert!(
            text.starts_with("{detail} cannot be reached: no line."),
            "{text}"
        );
    }

    #[test]
    fn the_page_of_errors_is_what_the_texts_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors/README.md");
        if std::env::var_os("LIANGXIN_REGENERATE").is_some() {
            std::fs::write(&path, page()).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == page(),
            "stale: LIANGXIN_REGENERATE=1 cargo test -p program texts"
        );
    }
}
