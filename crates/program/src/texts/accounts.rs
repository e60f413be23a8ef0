//! Codes of accounts, roles and the audit list.

use super::Row;

pub(super) const TEXTS: &[Row] = &[
    (
        "AUTH-101",
        "账号“{account}”不能使用：没有这个账号，或口令不对，或连续输错口令后仍在等待（15 分钟）。没有执行，数据没有变动。请用 --as 写明已建立的账号，有口令的加 --password-file；忘记口令请找管理员。",
        "The account \"{account}\" cannot be used: there is none, or the password is wrong, or it waits 15 minutes after wrong ones. Nothing was done. Give --as with an account that was made, and --password-file where it has a password; who has forgotten it asks an administrator.",
    ),
    (
        "AUTH-102",
        "账号“{account}”已停用。没有执行，数据没有变动。请找管理员启用。",
        "The account \"{account}\" is disabled. Nothing was done. Ask an administrator to enable it.",
    ),
    (
        "AUTH-103",
        "“{role}”没有“{what}”的权限（user roles）。没有执行，数据没有变动。请找有此权限的人办理，或请管理员调整角色。",
        "The role {role} has no right to {what} (see user roles). Nothing was done. Ask somebody who has, or an administrator.",
    ),
    (
        "AUTH-104",
        "“{role}”不填写“{what}”（user roles）。没有保存，原有内容没有变动。请找负责填写的人，或请管理员调整角色。",
        "The role {role} does not write {what} (see user roles). Nothing was saved or changed. Ask whoever does, or an administrator.",
    ),
    (
        "AUTH-105",
        "“{role}”在“{what}”中只填写行业主管部门。没有保存，原有内容没有变动。其他内容请联系县区业务员填写；市级的行业部门账号可以用 change propose 提出更正建议。",
        "Of {what} the role {role} writes only the industry authority. Nothing was saved or changed. Ask the district's officer to write the rest; an industry officer at the city can ask for it with change propose.",
    ),
    (
        "AUTH-106",
        "“{role}”填写“{what}”，但不审核。没有保存，原有内容没有变动。请由审核人办理这一步。",
        "The role {role} writes {what} but approves nothing of it. Nothing was saved or changed. Have a reviewer take this step.",
    ),
    (
        "AUTH-107",
        "“{role}”审核“{what}”，不填写。没有保存，原有内容没有变动。请由业务员填写。",
        "The role {role} approves {what} but does not fill it in. Nothing was saved or changed. Have an officer fill it in.",
    ),
    (
        "AUTH-108",
        "记录不在账号的范围内（{role}：{what}）。没有保存，原有内容没有变动。请由该范围的填报员或县区业务员填写。",
        "The record lies outside of what the account stands for ({role}: {what}). Nothing was saved or changed. Have its own editor or the district write it.",
    ),
    (
        "AUTH-109",
        "“{field}”是个人信息，对您是脱敏的，不能按它查找。数据没有变动。请用编号查找；市级业务员可以在本级范围内按它查找（record list --scope）；确需查看的用 record get --reveal --reason。",
        "\"{field}\" is personal and masked for you, so nothing is found by it. Nothing has changed. Use the id; a city officer finds by it in the city's own scope (record list --scope); or record get --reveal --reason.",
    ),
    (
        "AUTH-110",
        "“{account}”是最后一个能管理账号的人，不能停用。没有变动。请先建立另一个管理员。",
        "\"{account}\" is the last who can look after the accounts. Nothing has changed. Make another administrator first.",
    ),
    (
        "AUTH-111",
        "第一个账号须是管理员，“{role}”不是：否则没有人能再建立账号。没有变动。请先建立 city_admin（市级）或 district_admin（区级）。",
        "The first account must be an administrator and {role} is none: nobody could make another. Nothing has changed. Make a city_admin (hub) or district_admin (node) first.",
    ),
    (
        "AUTH-112",
        "账号“{account}”已经有了。没有变动。请换一个名称，或用 user passwd、user enable。",
        "There is an account \"{account}\". Nothing has changed. Choose another name, or see user passwd and user enable.",
    ),
    (
        "AUTH-113",
        "没有账号“{account}”。没有变动。请用 user list 查看。",
        "There is no account \"{account}\". Nothing has changed. See user list.",
    ),
    (
        "AUTH-114",
        "角色“{role}”不能在这里使用：没有这个角色，或它不属于这一级，或没有写明（或多写了）它的范围。没有变动。请用 user roles 查看；乡镇、行业、园区填报员要加 --town、--industry 或 --agency、--park。",
        "The role {role} does not work here: there is none, or it is given at the other side, or its part is missing or too much. Nothing has changed. See user roles; editors of a town, an industry, a park take --town, --industry or --agency, --park.",
    ),
    (
        "AUTH-115",
        "口令太简单。没有变动。口令至少 10 个字符，并含小写、大写、数字、其他字符中的三类；写在文件的第一行。",
        "The password is too weak. Nothing has changed. It has 10 characters or more, of three of: lower case, upper case, digits, others; it is the first line of the file.",
    ),
    (
        "AUTH-116",
        "口令无法处理（{detail}）。没有变动。请腾出内存后重试。",
        "The password cannot be taken in ({detail}). Nothing has changed. Free some memory and try again.",
    ),
    (
        "AUTH-117",
        "操作日志在第 {number} 条处接不上：这一条或前一条被改动或缺失。台账数据不受影响。请保留数据目录和备份，查明谁动过数据库。",
        "The audit list does not hold together at entry {number}: it or the one before was altered or is missing. The ledger is not affected. Keep the directory and the backups, and find out who touched the store.",
    ),
    (
        "AUTH-118",
        "账号“{account}”的记录无法读取（{detail}），因此没有执行任何命令。数据没有变动。请升级程序，或从备份恢复。",
        "The entry of the account \"{account}\" cannot be read ({detail}), so nothing is done for anybody. Nothing has changed. Upgrade the program, or restore a backup.",
    ),
    (
        "AUTH-119",
        "“{part}”不是乡镇代码（9 或 12 位）或行业门类字母（A 到 T）。没有变动。请改正后重试。",
        "\"{part}\" is no code of a town (9 or 12 digits) and no letter of an industry (A to T). Nothing has changed. Correct it and try again.",
    ),
    (
        "AUTH-120",
        "{scope} 的托管已于 {until} 到期。没有执行，内容没有变动。要继续托管，请本辖区管理员重新建立账号。",
        "The care of {scope} ended on {until}. Nothing was done or changed. To go on, have an administrator of this scope make another account.",
    ),
    (
        "AUTH-121",
        "托管账号不能使用 {command}：它会显示或改动托管范围以外的记录。没有执行，内容没有变动。请联系本辖区业务员办理。",
        "{command} is not for an account with care in trust: it shows or changes records beyond the organisations in its care. Nothing was done or changed. Ask an officer of this scope.",
    ),
    (
        "AUTH-122",
        "这条记录（{kind}）不在托管范围内。没有显示，内容没有变动。托管的单位见账号的范围；单位迁出后托管即告终止。",
        "The record ({kind}) is not in care. Nothing was shown or changed. The part of the account names its organisations; care ends where one moves to another scope.",
    ),
    (
        "AUTH-123",
        "“{what}”不能用于托管：单位须属于本辖区，托管方须是另一辖区，期限不能早于今天。没有变动。请改正后重试。",
        "\"{what}\" does for no care in trust: the organisations are of this scope, who cares is another one, and the last day has not passed. Nothing has changed. Correct it and try again.",
    ),
    (
        "DOCTOR-046",
        "账号 {accounts} 连续输错口令，正在等待。口令没有泄露，数据没有变动。请问本人；不是本人的，用 user disable 停用，并看 audit list。",
        "The accounts {accounts} wait after wrong passwords. No password was given away, nothing has changed. Ask whose they are; if it was not them, see user disable and audit list.",
    ),
];
