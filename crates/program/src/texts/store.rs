//! The sentences of the store, its key and its backups.
//!
//! `{needs}` and `{has}` are ids of keys; `{detail}` is what was found, or said by the system.

/// One row for each stable code.
pub(super) const TEXTS: &[(&str, &str, &str)] = &[
    (
        "BACKUP-001",
        "备份文件无法读写（{detail}）。数据没有变动。请检查路径和磁盘。",
        "The backup cannot be read or written ({detail}). Nothing has changed. Check the path and the disk.",
    ),
    (
        "BACKUP-002",
        "备份文件不完整或被改动（{detail}）。没有写入任何内容。请换一份备份。",
        "The backup is not whole or was altered ({detail}). Nothing was written. Use another backup.",
    ),
    (
        "BACKUP-003",
        "备份由更新版本的程序制作（{detail}）。没有写入任何内容。请升级程序。",
        "The backup was made by a later program ({detail}). Nothing was written. Upgrade this program.",
    ),
    (
        "BACKUP-004",
        "目标数据库不是空的。没有写入任何内容。请换一个目录。",
        "The store to restore into is not empty. Nothing was written. Use another directory.",
    ),
    (
        "BACKUP-010",
        "备份属于另一个副本。没有写入任何内容。请用本副本的备份，新节点请用 join。",
        "The backup belongs to another replica. Nothing was written. Use a backup of this replica; a new node joins.",
    ),
    (
        "BACKUP-011",
        "没有口令，或口令文件是空的。没有写入任何内容。请用 --passphrase-file 指明口令文件。",
        "There is no passphrase, or its file is empty. Nothing was written. Name it with --passphrase-file.",
    ),
    (
        "BACKUP-012",
        "密钥文件无法加密或解开（{detail}）。数据没有变动。请核对口令。",
        "The keys cannot be sealed or opened ({detail}). Nothing has changed. Check the passphrase.",
    ),
    (
        "BACKUP-013",
        "这个目录里没有节点的密钥，不能向市级证明身份，也就问不到市级。数据没有变动。备份旁有密钥文件的，请加 --passphrase-file 再看一次。",
        "This directory has no key of the node, so the hub cannot be asked. Nothing has changed. If the keys lie beside the backup, name --passphrase-file and look again.",
    ),
    (
        "BACKUP-014",
        "{file} 已存在，没有覆盖，也没有备份。数据没有变动。请换一个文件名，例如带上日期。",
        "{file} exists and was not overwritten; no backup was made. Nothing has changed. Choose another name, such as one with the date.",
    ),
    (
        "BACKUP-015",
        "现有数据库不能完整读出（{detail}），恢复会把其中还读得出的修改一起换下。没有改动任何文件。请改用 repair 加这份备份：它先取出读得出的部分，再用备份补齐。",
        "The present store cannot be read whole ({detail}), and a restore would give up unseen what can still be read of it. No file was changed. Use repair with this backup: it takes first what can be read, and the rest from the backup.",
    ),
    (
        "BACKUP-016",
        "备份已用密钥 {needs} 加密，这里没有密钥。没有写入任何内容。请用 --key-file 指明密钥文件；备份时带了密钥的，用 --passphrase-file。",
        "The backup is encrypted with the key {needs}, and there is no key here. Nothing was written. Name the key file with --key-file; if the backup was made with its keys, name --passphrase-file.",
    ),
    (
        "BACKUP-017",
        "备份是用密钥 {needs} 加密的，给出的密钥是 {has}。没有写入任何内容。请用 --key-file 指明密钥 {needs}（编号写在密钥文件的第一行）。",
        "The backup is encrypted with the key {needs}, and the key given is {has}. Nothing was written. Name the key {needs} with --key-file; a key file names its key in the first line.",
    ),
    (
        "STORE-001",
        "数据库正被另一个进程使用。数据没有变动。请等它结束，或停止它。",
        "The store is in use by another process. Nothing has changed. Wait for it or stop it.",
    ),
    (
        "STORE-002",
        "数据库损坏（{detail}）。程序已停止写入，未受损的数据仍在。请停止程序，执行 repair 最近的备份文件，再联网，缺少的由对端补齐；损坏的数据库会保留。",
        "The store is damaged ({detail}). Nothing more is written; what is sound is still there. Stop the program, run repair with the newest backup, and go on line: the peer gives back what is missing. The damaged store is kept.",
    ),
    (
        "STORE-003",
        "磁盘已满。已经提示保存成功的数据安全，这一次没有保存。请腾出空间后重新启动。",
        "The disk is full. Whatever was reported as saved is safe; this was not saved. Free some space and start again.",
    ),
    (
        "STORE-004",
        "数据库目录不可写。数据没有变动。请检查权限，或磁盘是否以只读方式挂载。",
        "The store may not be written. Nothing has changed. Check the permissions, or whether the disk is mounted read-only.",
    ),
    (
        "STORE-005",
        "数据库由更新版本的程序建立。数据没有变动。请升级程序。",
        "The store was made by a later program. Nothing has changed. Upgrade this program.",
    ),
    (
        "STORE-006",
        "数据库先前出错，已停止写入。已保存的数据安全。请查看日志，排除原因后重新启动。",
        "The store has failed before and takes no more writes. What was saved is safe. See the log, remove the cause and start again.",
    ),
    (
        "STORE-007",
        "数据库读写出错（{detail}）。已提示保存成功的数据安全。请检查磁盘后重新启动。",
        "The store cannot be read or written ({detail}). Whatever was reported as saved is safe. Check the disk and start again.",
    ),
    (
        "STORE-008",
        "密钥文件 {file} 不在，没有打开数据库。数据没有变动。请把密钥的副本放回原处，或接上存放它的介质，再启动。没有密钥谁也打不开，repair 也不能；副本也没有的，见运维手册“密钥”一节。",
        "The key file {file} is not there; the store was not opened. Nothing has changed. Put a copy of the key in its place, or connect the medium that it lies on, and start again. Nobody opens the store without it, and repair does not either; without any copy see \"The key\" in the operating manual.",
    ),
    (
        "STORE-009",
        "数据库是用密钥 {needs} 加密的，现有的密钥是 {has}，没有打开。数据没有变动，数据库也没有损坏。请放回密钥 {needs}（编号写在密钥文件的第一行）。",
        "The store is encrypted with the key {needs}, and the key at hand is {has}; it was not opened. Nothing has changed, and nothing is damaged. Put the key {needs} in place; a key file names its key in the first line.",
    ),
    (
        "STORE-010",
        "密钥文件 {file} 第 {line} 行有误，没有打开数据库。数据没有变动。请对照副本改正这一行：每行 20 位，末四位是校验码。",
        "Line {line} of the key file {file} is wrong; the store was not opened. Nothing has changed. Correct that line from a copy: each has 20 digits, of which the last four check the others.",
    ),
    (
        "STORE-011",
        "设置里写着不加密（store.key_file = none），数据库却是加密的，没有打开。数据没有变动。请把 store.key_file 改回密钥文件；要改为不加密，见运维手册“密钥”一节。",
        "The settings say that the store is not encrypted (store.key_file = none), but it is; it was not opened. Nothing has changed. Set store.key_file to the key file again; to do without encryption see \"The key\" in the operating manual.",
    ),
    (
        "STORE-012",
        "{file} 已存在，没有覆盖，也没有生成密钥。数据没有变动。请换一个文件名，或先把它移走。",
        "{file} exists and was not overwritten; no key was made. Nothing has changed. Choose another name, or move it away first.",
    ),
];
