//! The sentences of attachments.

/// Code, Chinese, English.
pub(super) const TEXTS: &[(&str, &str, &str)] = &[
    (
        "ATTACH-001",
        "文件太大：{size}，每个附件最多 20 MiB。没有保存，数据没有变动。请降低扫描分辨率，或分成几个文件。",
        "The file is too large: {size}; an attachment has 20 MiB at most. Nothing was saved or changed. Scan it at a lower resolution, or in parts.",
    ),
    (
        "ATTACH-002",
        "文件内容不是可以附的类型：只收 PDF、JPEG、PNG、TIFF、DOCX、XLSX、OFD，按内容识别，与文件名无关；带宏、带密码的办公文件不收。没有保存，数据没有变动。请转成其中一种，例如另存为 PDF。",
        "The content is of no type that may be attached: PDF, JPEG, PNG, TIFF, DOCX, XLSX and OFD are, by content and not by name; office files with macros or a password are not. Nothing was saved or changed. Save it as one of these, such as PDF.",
    ),
    (
        "ATTACH-003",
        "“{file}”是空文件，或者不是文件。没有保存，数据没有变动。请核对路径。",
        "\"{file}\" is empty or no file. Nothing was saved or changed. Check the path.",
    ),
    (
        "ATTACH-004",
        "附件的内容不在本机，在 {scope}。数据没有变动。请用 attachment fetch 写明理由索取。",
        "The content is not here but in {scope}. Nothing has changed. Ask for it with attachment fetch and a reason.",
    ),
    (
        "ATTACH-005",
        "附件的内容已损坏，与校验值不符，没有给出。记录本身不受影响。请用原文件再执行一次 attachment add，或从备份、对方取回。",
        "The content is damaged: it does not fit its hash and was not given out. The record is not affected. Add the original file again, or get it from a backup or from the other side.",
    ),
    (
        "ATTACH-006",
        "这条记录没有校验值为“{hash}”的附件，或者位数太少、不止一个。数据没有变动。请用 attachment list 查看，至少写前八位。",
        "The record names no attachment \"{hash}\", or the digits are too few and mean several. Nothing has changed. See attachment list; give eight digits at least.",
    ),
    (
        "ATTACH-007",
        "“{field}”不是放附件的字段。没有保存，数据没有变动。这类记录放附件的字段：{fields}。",
        "\"{field}\" is no field for attachments. Nothing was saved or changed. Those of the kind: {fields}.",
    ),
    (
        "ATTACH-008",
        "索取附件的请求太多，没有登记这一个。数据没有变动。请等已有的办完，或明天再试。",
        "There are too many requests for files; this one was not taken. Nothing has changed. Wait for those under way, or try again tomorrow.",
    ),
    (
        "ATTACH-009",
        "附件的内容不在本机，也没有别处可索取：它是本机自己存入的。记录不受影响。请用原文件再执行一次 attachment add，或从备份取回。",
        "The content is not here, and there is nobody to ask: it was put in here. The record is not affected. Add the original file again, or get it from a backup.",
    ),
    (
        "ATTACH-010",
        "对方没有给：没有对方认可的记录引用这个附件，或者无权索取。数据没有变动。请核对记录是否已同步、是否属于本辖区。",
        "The other side does not give it: no record that may be seen there names the file. Nothing has changed. See whether the record is synced and belongs to this scope.",
    ),
    (
        "ATTACH-011",
        "对方那里也没有这个附件的内容。请求仍在等待，数据没有变动。请联系存入文件的一方，用原文件再执行一次 attachment add。",
        "The other side has not got the content either. The request goes on waiting; nothing has changed. Let whoever attached the file add it again.",
    ),
    (
        "ATTACH-012",
        "对方传来的内容两次与校验值不符，已丢弃，不再向它索取。数据没有变动。请联系对方检查；之后再执行一次 attachment fetch。",
        "What came did not fit the hash, twice; it was thrown away and is not asked for there again. Nothing has changed. Let the other side look into it, then run attachment fetch again.",
    ),
    (
        "ATTACH-013",
        "索取附件的请求或传来的一段不成形，没有接受。数据没有变动。请核对双方程序的版本。",
        "A request for a file, or a piece of one, is not well formed and was not taken. Nothing has changed. Compare the versions of both programs.",
    ),
    (
        "ATTACH-015",
        "同时传送的附件太多，这一个稍后自动再试。数据没有变动，无需处理。",
        "Too many files are on their way; this one is tried again by itself. Nothing has changed; there is nothing to do.",
    ),
    (
        "ATTACH-016",
        "磁盘空间不够存放附件，没有保存。台账数据安全。请腾出空间后重试。",
        "The disk has no room for the file; it was not saved. The records are safe. Free some space and try again.",
    ),
    (
        "ATTACH-017",
        "附件的内容与记录所写的类型不符，没有给出。记录不受影响。请联系附上文件的人核实，不要用别的办法打开。",
        "The content is not of the type that the record says and was not given out. The record is not affected. Ask whoever attached it, and do not open it by other means.",
    ),
    (
        "ATTACH-018",
        "{file} 已存在，没有覆盖。数据没有变动。请换一个文件名。",
        "{file} exists and was not overwritten. Nothing has changed. Choose another name.",
    ),
    (
        "ATTACH-019",
        "文件名里没有可以显示的字。没有保存，数据没有变动。请先给文件改名。",
        "The name of the file has nothing that can be shown. Nothing was saved or changed. Rename the file first.",
    ),
    (
        "ATTACH-020",
        "备份旁的附件包（.files）不完整或被改动（{detail}）。没有写入任何内容。请换一份；只恢复台账的，请先把它移开。",
        "The archive of attachments beside the backup (.files) is not whole or was altered ({detail}). Nothing was written. Use another; to restore the records alone, move it away first.",
    ),
    (
        "DOCTOR-052",
        "有 {n} 个附件的内容存入超过 30 天而没有记录引用。数据不受影响。用 attachment prune 查看，核实后加 --confirm 清除。",
        "{n} contents of attachments, put in more than 30 days ago, are named by no record. Data is not affected. See attachment prune, then add --confirm to clear them away.",
    ),
    (
        "attachment",
        "附件登记的校验值、大小、类型或名称不对。没有保存，原有内容没有变动。请用 attachment add 添加文件。",
        "Hash, size, type or name of an attachment is not right. Nothing was saved or changed. Add the file with attachment add.",
    ),
];
