//! The sentences for whoever looks after a program: checks of `doctor`, why a record is not at the
//! other side, refused writes, held records, repair.

/// One row for each stable code.
pub(super) const TEXTS: &[(&str, &str, &str)] = &[
    (
        "DOCTOR-011",
        "{peer} 已有 {minutes} 分钟没有与本机核对一致，{n} 项修改在等待。数据安全，联网后自动上传。请用 status 查看线路。",
        "{peer} has not been settled with for {minutes} minutes; {n} changes wait. They are safe and go when the line is up. See the line with status.",
    ),
    (
        "DOCTOR-012",
        "来源 {source} 造成了 {n} 项冲突。双方内容都在，这个来源的批量写入已暂停，逐条填报照常。请用 conflict storm 查看，查明原因后成批处理。",
        "{source} has made {n} conflicts. Both sides are kept, its bulk writes are stopped, single saves go on. See conflict storm, find the cause and settle them together.",
    ),
    (
        "DOCTOR-013",
        "磁盘只剩 {mib} MiB，低于 {limit} MiB。已保存的数据安全。请清理磁盘，或扩大数据目录所在的分区。",
        "Only {mib} MiB of disk are free, below {limit} MiB. What was saved is safe. Free some space, or enlarge the volume of the directory.",
    ),
    (
        "DOCTOR-014",
        "程序占用内存 {mib} MiB，超过 {limit} MiB。数据不受影响。请在空闲时重新启动程序；若很快又超过，请调低 store.cache_mib。",
        "The program uses {mib} MiB of memory, above {limit} MiB. Data is not affected. Restart it when nobody works; if it comes back soon, lower store.cache_mib.",
    ),
    (
        "DOCTOR-015",
        "数据库有 {n} 处损坏（{detail}）。未受损的数据仍在，损坏的内容不会被读出或上传。请停止程序，执行 repair 最近的备份文件。",
        "The store is damaged in {n} places ({detail}). What is sound is still there, what is damaged is neither shown nor sent. Stop the program and run repair with the newest backup.",
    ),
    (
        "DOCTOR-016",
        "本机的修改日志有 {places} 处不连续，共 {n} 次修改无法证明。记录本身不受影响。请做一次 verify，并查看 repair --list。",
        "The journal here is broken in {places} places; {n} writes cannot be proved. The records themselves are not affected. Run verify, and see repair --list.",
    ),
    (
        "DOCTOR-017",
        "{peer}：怀疑同一个数据目录有两份在运行，或运行中的内存被回退过。双方都没有接收任何数据，已有的都安全。请找出并停止多余的一份，再重新启动留下的一份。",
        "{peer}: two copies of one directory seem to run, or a memory was rolled back. Neither side has taken anything, what was there is safe. Find and stop the one too many, then restart the other.",
    ),
    (
        "DOCTOR-018",
        "与 {peer} 会话时发现有一方（{whose}）恢复过旧备份，双方正在逐桶补齐。数据安全，备份缺少的由另一方交回。请保持联网，补齐后用 verify 核对；没有人恢复过备份的，请查明是否有同一数据目录的副本在别处轮流使用。",
        "At the session with {peer} one side ({whose}) was found restored from a backup, and both give each other what is missing. The data is safe. Stay on line, then run verify; where nobody has restored anything, find out whether a copy of the data directory is used elsewhere by turns.",
    ),
    (
        "DOCTOR-019",
        "节点 {peer} 已 {days} 天没有联系，应当隔离。它已上传的数据都在，本机没有上传的部分在它回来时转为建议。请核实后执行 node fence {id}。",
        "Node {peer} has not been heard of for {days} days and is due for fencing. What it sent is here; what it did not send becomes proposals when it returns. Make sure, then run node fence {id}.",
    ),
    (
        "DOCTOR-020",
        "{peer} 的数据结构版本是 {theirs}，本机是 {ours}。不认识的内容原样保留和转发，不会丢。请升级本机程序。",
        "{peer} knows schema {theirs}, this program {ours}. What is not known here is kept and forwarded as it is. Upgrade this program.",
    ),
    (
        "DOCTOR-021",
        "{peer} 的数据结构版本是 {theirs}，比本机的 {ours} 旧。数据照常同步，不会丢。请升级对方的程序。",
        "{peer} knows schema {theirs}, older than the {ours} here. Data syncs as usual and nothing is lost. Upgrade the program there.",
    ),
    (
        "DOCTOR-022",
        "最近一次核对过的备份是 {days} 天前做的。现有数据安全。请执行 backup，并至少留一份在别的机器上。",
        "The newest verified backup is {days} days old. The present data is safe. Run backup, and keep one copy on another machine.",
    ),
    (
        "DOCTOR-023",
        "这个数据库还没有做过备份。现有数据安全。请执行 backup，并至少留一份在别的机器上。",
        "This store was never backed up. The present data is safe. Run backup, and keep one copy on another machine.",
    ),
    (
        "DOCTOR-024",
        "修复或恢复之后仍有 {n} 次修改找不到内容，对端也没有交回。其他数据都在。用 repair --list 查看是哪些记录、谁写的；恢复前的数据库仍在的，可以从中找回，否则请填写人补填，再用 repair --settle 注明。",
        "{n} writes are not here since a repair or a restore, and no peer has given them back. All else is here. See with repair --list which records and whose they are; find them in the store from before the restore if there is one, or have them written again and say so with repair --settle.",
    ),
    (
        "DOCTOR-025",
        "有节点知道本机写过、而本机已经没有的修改，本机可能被换成了旧数据。已有的数据安全，缺少的还在节点上。请查明本机是否恢复过旧备份或旧快照；是的话，请执行 refill --confirm，缺少的由各节点交回。",
        "A node knows writes of this replica that it has lost: the data here may be an older state. What is here is safe, what is missing is still at the nodes. Find out whether an old backup or snapshot was put back; if so, run refill --confirm, and the nodes give the rest back.",
    ),
    (
        "DOCTOR-026",
        "恢复之后正在从各节点取回缺少的内容，还没有核对一致的节点：{nodes}。数据安全。请让它们各连一次；其中确实不会再来的，核实后用 node fence 隔离，不再等它。",
        "After a restore what is missing is still coming from the nodes; not found equal yet: {nodes}. The data is safe. Let each of them call once; fence one that will certainly never come again (node fence), and nobody waits for it.",
    ),
    (
        // What a node says: nobody calls it, and it fences nobody.
        "DOCTOR-026-NODE",
        "本节点恢复过备份，备份缺少的内容正等待市级交回，还没有核对一致。数据安全，可以照常填报。请保持联网，或执行 sync --once；没有线路的，用 bundle 来回传递。",
        "This node was restored and waits for the city to give back what it lacks; the two have not been found equal yet. The data is safe and work goes on. Stay on line, or run sync --once; without a line, carry bundles.",
    ),
    (
        "WHY-001",
        "这类记录只保存在本机，从不上传；不需要处理。",
        "Records of this kind stay here and are never sent; there is nothing to do.",
    ),
    (
        "WHY-002",
        "同一次修改出现了两种内容（{code}），记录已隔离，双方内容都在；请市级管理员用 quarantine show 查看并处理。",
        "One write has two contents ({code}) and the record is held back, with both contents kept; the city's administrator sees it with quarantine show and decides.",
    ),
    (
        "WHY-003",
        "这条记录属于辖区 {scope}，由那里填报，本机的是只读副本；需要更正请联系 {scope}。",
        "The record belongs to scope {scope} and is kept there, what is here is a copy to be read; to correct it, ask {scope}.",
    ),
    (
        "WHY-004",
        "市级退回了最近的修改（{code}），退回的内容保留在本机；请用 refusal show {id} 查看原因，改正后重新提交。",
        "The city refused the last write ({code}) and its text is kept here; see why with refusal show {id}, then correct it and submit it again.",
    ),
    (
        "WHY-005",
        "市级把这条记录隔离了（{code}），双方内容都在；请市级管理员用 quarantine show 查看并处理。",
        "The city holds the record back ({code}) and both contents are kept; its administrator sees it with quarantine show and decides.",
    ),
    (
        "WHY-006",
        "市级暂缓接收这条记录（{code}），因为它引用的修改还没有到；保持联网即可，下次比对时自动补齐。",
        "The city has put the record off ({code}) because writes that it names have not arrived yet; stay on line, the next comparison brings it.",
    ),
    (
        "WHY-007",
        "对方已确认收到最新内容，双方核对一致；不需要处理。",
        "The other side holds the present state and both were found equal; there is nothing to do.",
    ),
    (
        "WHY-008",
        "对方已确认收到最新内容，这次启动以来双方还没有核对；联网后自动核对，不需要处理。",
        "The other side holds the present state, and the two have not been compared where they stand; they are compared on line by themselves, there is nothing to do.",
    ),
    (
        "WHY-009",
        "最新内容已写入第 {n} 份摆渡文件，还没有收到对方的回执；请把对方带回的文件用 bundle import 导入。",
        "The present state is in bundle {n} and its receipt has not come back; import what the other side sends back with bundle import.",
    ),
    (
        "WHY-010",
        "最新内容已安全保存在本机，但自 {since} 起联系不上 {peer}（{detail}）；请检查线路，接通后自动上传。",
        "The present state is safe here, but {peer} has not been reached since {since} ({detail}); check the line, it goes by itself when it is up.",
    ),
    (
        "WHY-011",
        "与 {peer} 的连接正常，最新内容正在上传，还有 {n} 项；请稍候再看。",
        "The line to {peer} is up and the present state is on its way, with {n} changes left; look again in a moment.",
    ),
    (
        "WHY-012",
        "最新内容已安全保存在本机，正在等待 {peers} 接收；请保持程序运行（serve），或执行 sync --once。",
        "The present state is safe here and waits for {peers}; keep the program serving, or run sync --once.",
    ),
    (
        "WHY-013",
        "最新内容已安全保存在本机，还没有任何一方接收过本辖区的数据；请启动程序（serve），或执行 sync --once。",
        "The present state is safe here, and nobody has taken this scope's feed yet; start the program (serve), or run sync --once.",
    ),
    (
        "WHY-014",
        "最新内容已安全保存在本机，但本节点有两个副本同时运行，{peer} 不再接收这一个（{code}）；请由人决定保留哪一个，停止另一个，再重新启动要保留的一个。",
        "The present state is safe here, but two copies of this node are running and {peer} takes no more from this one ({code}); a person decides which copy goes on: stop the other, then restart the one that stays.",
    ),
    (
        "REFUSAL-001",
        "没有编号为 {id} 的退回修改，或开头几位不止一条。数据没有变动。请用 refusal list --all 查看编号。",
        "There is no refused write {id}, or several begin so. Nothing has changed. See the ids with refusal list --all.",
    ),
    (
        "REFUSAL-002",
        "这条修改是区级写的，只能在写它的节点上重新提交或标记。数据没有变动。请联系该节点的管理员。",
        "The write is a node's, and only there can it be submitted again or marked. Nothing has changed. Ask that node's administrator.",
    ),
    (
        "REFUSAL-003",
        "{by} 已经处理过这条退回的修改。数据没有变动。用 refusal show 查看处理结果。",
        "{by} has already seen to this refused write. Nothing has changed. See with refusal show what was done.",
    ),
    (
        "REFUSAL-004",
        "这条修改是一项冲突裁决，不能原样重新提交。数据没有变动。请用 conflict show 查看当前的候选值，重新裁决。",
        "The write carried out a decision and cannot be submitted as it was. Nothing has changed. See the present candidates with conflict show and decide again.",
    ),
    (
        "REFUSAL-005",
        "这条修改的内容不能由本程序重新提交（类别或项目不认识，或只有市级能写）。内容仍保留。请升级程序，或用 refusal show 查看后重新填写。",
        "This program cannot submit the write again: a kind or a register that it does not know, or that only the city writes. Its text is kept. Upgrade the program, or see it with refusal show and write it anew.",
    ),
    (
        "QUARANTINE-001",
        "没有隔离中的记录 {id}。数据没有变动。请用 quarantine list 查看。",
        "There is no held record {id}. Nothing has changed. See quarantine list.",
    ),
    (
        "OUTPUT-001",
        "结果没有写完整（{detail}）。命令已经执行，做过的改动都在。请检查输出文件所在的磁盘，再查一次。",
        "The output could not be written whole ({detail}). The command was carried out, and what it changed is there. Check the disk that the output goes to, and ask again.",
    ),
    (
        "REPAIR-001",
        "损坏的数据库里什么也找不到，也没有给出备份。没有改动任何文件。请执行 repair 最近的备份文件；区级没有备份的，用新的邀请码在空目录 join，上传过的数据都会取回。",
        "Nothing can be found in the damaged store and no backup was given. No file was changed. Run repair with the newest backup; a node without one joins again in an empty directory and gets back whatever it had sent.",
    ),
    (
        "REPAIR-002",
        "没有编号为 {id} 的丢失修改，或者它已经回来了。数据没有变动。请用 repair --list 查看编号。",
        "No write {id} is lost, or it has come back. Nothing has changed. See the names with repair --list.",
    ),
    (
        "REPAIR-003",
        "{by} 已经注明过。数据没有变动。用 repair --list --all 查看由谁、何时、以什么理由注明。",
        "{by} has settled it already. Nothing has changed. See with repair --list --all who, when and why.",
    ),
];
