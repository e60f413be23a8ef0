//! The sentences of what concerns two scopes: mergers, reforms, claims, transfers, proposals.

/// Code, Chinese, English.
pub(super) const TEXTS: &[(&str, &str, &str)] = &[
    (
        "MERGED-001",
        "记录 {id} 已并入 {kind} {to}，由后者代表。没有保存，内容没有变动。请改在 {to} 上填写。",
        "Record {id} has moved: it was merged into {kind} {to}, which stands for it. Nothing was saved or changed. Write to {to}.",
    ),
    (
        "MERGED-002",
        "记录 {id} 与其他记录互相并入，成了环。没有保存，各记录都保留着。请市级用 record put {kind} {id} --set merged_into= 解除其中一处。",
        "Record {id} and others were merged into each other in a circle. Nothing was saved; all of them stand. Let the city take one merger back: record put {kind} {id} --set merged_into=",
    ),
    (
        "AUTH-MERGED",
        "该记录已由市级并入另一条记录。修改没有生效，内容已留存。请用 record get 查看保留的记录，改在那里填写。",
        "The city has merged the record into another. The write did not take effect; its text is kept. Find the record that stands with record get and write there.",
    ),
    (
        "REFORM-001",
        "区划变更表第 {line} 行无法识别。没有改动。每行为 原代码,原名称,新代码,新名称，代码为六位或九位。",
        "Line {line} of the map of divisions cannot be read. Nothing has changed. A line is old_code,old_name,new_code,new_name; a code has six or nine characters.",
    ),
    (
        "REFORM-002",
        "区划变更表里没有任何变更。没有改动。请核对文件；每行为 原代码,原名称,新代码,新名称。",
        "The map of divisions has no change in it. Nothing has changed. Compare the file; a line is old_code,old_name,new_code,new_name.",
    ),
    (
        "DOCTOR-041",
        "停用的辖区没有唯一的承接辖区：{scopes}。数据不受影响，仍按原代码统计。请用 record put scope 填写后继辖区（replaced_by）。",
        "Scopes have ended without one successor: {scopes}. The data is not affected and counts under the old code. Name the successor with record put scope (replaced_by).",
    ),
    (
        "DOCTOR-042",
        "有 {n} 项重复登记待裁定。各方记录都保留，全市只计一次。用 claim list 查看，claim rule 裁定。",
        "{n} claims wait for a ruling. All records are kept and the city counts each code once. See claim list; rule with claim rule.",
    ),
    (
        "DOCTOR-043",
        "有 {n} 项迁移申请待办理。办理前记录仍归原辖区。用 transfer list 查看。",
        "{n} moves wait. Until they are committed the records stay where they are. See transfer list.",
    ),
    (
        "DOCTOR-044",
        "有 {n} 项迟到修改待本辖区答复。内容都保留着。用 proposal list 查看，proposal accept 或 decline 答复。",
        "{n} late writes wait for this scope's answer. They are all kept. See proposal list; answer with proposal accept or decline.",
    ),
    (
        "DOCTOR-045",
        "有 {n} 条覆盖关系的党组织已撤销，自撤销之日起不算覆盖。记录都保留着。用 record links --dangling 查看，填写终止日期，再为单位另选党组织或选派指导员。",
        "The Party organisations of {n} coverage links were dissolved; the links cover nobody from that day. All records are kept. See record links --dangling, end the links, then choose another Party organisation or send an instructor.",
    ),
    (
        "DOCTOR-027",
        "有人员的信息已经清除，数据文件里还有旧内容。记录中已看不到。请在方便时重启程序，启动时会重写数据文件。",
        "Something was erased, and the files of the store still hold it. No record shows it any more. Restart the program when it suits; at the start it rewrites its files.",
    ),
    (
        "DOCTOR-028",
        "数据库有密钥，数据文件里还有加密之前写入的内容。内容完好，新写入的都已加密。多半是磁盘空间不够重写：请腾出与数据库同样大的空间，再重启程序。",
        "The store has a key, and its files still hold what was written before it had one. All of it is sound, and whatever is written now is encrypted. There was probably no room to rewrite them: free as much as the store takes, and restart the program.",
    ),
    (
        "ACROSS-001",
        "“{id}”不是编号。没有改动。请从列表复制编号。",
        "\"{id}\" is no id. Nothing has changed. Copy it from the list.",
    ),
    (
        "ACROSS-002",
        "“{record}”不是记录的名称。没有改动。请写成 类型/编号，如 organisation/编号。",
        "\"{record}\" names no record. Nothing has changed. Write KIND/ID, as organisation/ID.",
    ),
    (
        "PROPOSAL-001",
        "迟到修改 {id} 已由 {who} 答复。没有改动。用 proposal show 查看。",
        "{who} has answered the late write {id}. Nothing has changed. See proposal show.",
    ),
    (
        "TRANSFER-001",
        "迁移申请 {id} 内容不完整。没有改动。请取消后重新提出。",
        "The request {id} is not whole. Nothing has changed. Take it back and ask anew.",
    ),
    (
        "TRANSFER-002",
        "记录已经归 {scope}。没有改动，无需迁移。",
        "The record belongs to {scope} already. Nothing has changed; there is nothing to move.",
    ),
    (
        "TRANSFER-003",
        "记录归 {scope}，迁移须由迁出或迁入的辖区提出。没有改动。请由该辖区提出，或请市级裁定。",
        "The record belongs to {scope}; a move is asked for by the scope it leaves or the one it enters. Nothing has changed. Let one of them ask, or let the city rule.",
    ),
    (
        "TRANSFER-004",
        "迁移申请 {id} 已经办结或取消。没有改动。用 transfer list --all 查看。",
        "The request {id} is settled or was taken back. Nothing has changed. See transfer list --all.",
    ),
    (
        "TRANSFER-005",
        "申请 {id} 由本辖区提出或与本辖区无关，不能由本辖区同意。没有改动。请由另一辖区同意。",
        "The request {id} is this scope's own or does not concern it, so this scope cannot consent. Nothing has changed. Let the other scope consent.",
    ),
    (
        "TRANSFER-006",
        "已提出过相同的申请：{id}。没有改动。请等待办理，或先取消。",
        "The same was asked for before: {id}. Nothing has changed. Wait for it, or take it back first.",
    ),
    (
        "TRANSFER-007",
        "{record} 随 {parent} 归属，不能单独迁移。没有改动。请申请迁移 {parent}。",
        "{record} goes with {parent} and does not move by itself. Nothing has changed. Ask for {parent}.",
    ),
    (
        "TRANSFER-008",
        "{record} 属于不迁移的类型。没有改动。可以迁移两新组织、党组织和党务工作者。",
        "{record} is of a kind that does not move. Nothing has changed. Organisations, Party organisations and persons do.",
    ),
    (
        "TRANSFER-009",
        "申请 {id} 还没有得到另一辖区同意。没有改动。请等它用 transfer consent 同意，或用 transfer rule 裁定。",
        "The other scope has not agreed to {id} yet. Nothing has changed. Wait for its transfer consent, or decide with transfer rule.",
    ),
    (
        "TRANSFER-010",
        "{record} 现在归 {scope}，与申请的迁出辖区不符。没有改动。请拒绝这项申请。",
        "{record} belongs to {scope} now and not to the scope that the request names. Nothing has changed. Refuse the request.",
    ),
    (
        "TRANSFER-011",
        "市级恢复后还没有补齐，不能办理迁移和裁定。数据没有变动。请等各节点联系后再办；若尚未确认恢复，请执行 refill --confirm。",
        "This hub is not whole again after it was restored, so nothing moves and nothing is ruled yet. Nothing has changed. Wait until the nodes have called; if nobody has confirmed the restore, run refill --confirm.",
    ),
    (
        "TRANSFER-012",
        "下列节点自市级启动以来还没有核对一致：{nodes}。没有改动。请让它们运行 sync --once 或保持 serve；长期失联的，先用 node fence 隔离。",
        "These nodes have not been found equal since this hub started: {nodes}. Nothing has changed. Let them run sync --once or keep serving; fence one that is long away with node fence.",
    ),
    (
        "TRANSFER-013",
        "记录已迁至 {scope}，由该辖区填写。没有保存，原有内容没有变动。请联系 {scope}。",
        "The record has moved to {scope}, which writes it now. Nothing was saved or changed. Ask {scope}.",
    ),
    (
        "TRANSFER-014",
        "“{scope}”不是在用的辖区，不能迁入。没有改动。请用 record list scope 查看辖区。",
        "\"{scope}\" is no scope in use, and nothing can move there. Nothing has changed. See record list scope.",
    ),
    (
        "TRANSFER-015",
        "下列节点的程序是旧版，不认识迁移：{nodes}。没有改动。请先升级它们，待 sync 一次后再办。",
        "The programs of these nodes are older and do not know that records move: {nodes}. Nothing has changed. Upgrade them, let them sync once, then try again.",
    ),
    (
        "TRANSFER-016",
        "迁移申请 {id} 还在办理，不能删除。没有改动。不迁了请用 transfer cancel 撤回；市级用 transfer refuse 拒绝。",
        "The request {id} still waits and is not deleted. Nothing has changed. Take it back with transfer cancel; the city refuses it with transfer refuse.",
    ),
    (
        "TRANSFER-017",
        "迁移申请 {id} 已经删除。没有改动。确需迁移的，请重新提出。",
        "The request {id} was deleted. Nothing has changed. If the record is to move, ask anew.",
    ),
    (
        "TRANSFER-018",
        "{record} 不能从 {day} 起改属：日期不能晚于今天（{today}），也不能早于它归入现辖区的日期（{from}）。没有改动。请改写 --on。",
        "{record} cannot count elsewhere from {day} on: not later than today ({today}), nor before it came to where it is ({from}). Nothing has changed. Give another --on.",
    ),
    (
        "CLAIM-001",
        "重复登记 {id} 已经裁定。没有改动。用 claim show 查看。",
        "The claim {id} was ruled before. Nothing has changed. See claim show.",
    ),
    (
        "CLAIM-002",
        "--choose {choose} 无法识别。没有改动。请写成 字段=1 或 字段=2，字段和序号见 claim show。",
        "--choose {choose} cannot be read. Nothing has changed. Write FIELD=1 or FIELD=2 as in claim show.",
    ),
    (
        "CLAIM-003",
        "--correct {correct} 无法识别。没有改动。请写成 organisation/编号=代码。",
        "--correct {correct} cannot be read. Nothing has changed. Write organisation/ID=CODE.",
    ),
    (
        "CLAIM-004",
        "更正后两条记录的代码仍然相同。没有改动。请核对更正的代码。",
        "The codes would still be the same. Nothing has changed. Compare the corrected code.",
    ),
    (
        "CLAIM-005",
        "{record} 不属于重复登记 {id}。没有改动。记录见 claim show。",
        "{record} is no record of the claim {id}. Nothing has changed. See its records with claim show.",
    ),
    (
        "CLAIM-006",
        "两条记录同属辖区 {scope}，划归一方不能了结重复登记。没有改动。请用 --merge-into 合并，或用 --separate --correct 更正代码；确属其他辖区的，合并之后再办迁移。",
        "Both records lie in scope {scope}, so giving them to one scope would not end the claim. Nothing has changed. Merge them with --merge-into, or correct a code with --separate --correct; if they belong elsewhere, transfer what stands after the merger.",
    ),
    (
        "REFILL-001",
        "补齐用于市级被退回到较早状态的情形（如恢复了磁盘镜像）。没有改动。确认后请加 --confirm；从备份 restore 的市级会自动补齐。",
        "A refill is for a hub that was put back to an earlier state, as by the image of a disk. Nothing has changed. Add --confirm if it was; a hub made by restore refills by itself.",
    ),
];
