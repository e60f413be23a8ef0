//! The sentences of spreadsheets that cannot be read or written, as the page of errors lists
//! them. At work a sheet's own sentence names the file, the line and the limit.

/// Code, Chinese, English.
pub(super) const TEXTS: &[(&str, &str, &str)] = &[
    (
        "IMPORT-001",
        "文件无法读取。没有写入任何内容。请核对路径和权限。",
        "The file cannot be read. Nothing was written. Check the path and the permissions.",
    ),
    (
        "IMPORT-002",
        "文件不是可识别的表格。没有写入任何内容。请用 WPS 或 Excel 另存为 xlsx 后再导入。",
        "The file is not a spreadsheet that is known here. Nothing was written. Save it as xlsx and import again.",
    ),
    (
        "IMPORT-003",
        "表格加了密码。没有写入任何内容。请取消密码后再导入。",
        "The spreadsheet is encrypted. Nothing was written. Remove the password and import again.",
    ),
    (
        "IMPORT-004",
        "表格文件损坏。没有写入任何内容。请重新保存或重新获取。",
        "The spreadsheet is damaged. Nothing was written. Save it anew or get it again.",
    ),
    (
        "IMPORT-005",
        "表格超过大小上限。没有写入任何内容。请拆成几个文件。",
        "The spreadsheet is over a limit of size. Nothing was written. Split it.",
    ),
    (
        "IMPORT-006",
        "有单元格的文字太长。没有写入任何内容。请缩短后再导入。",
        "A cell's text is too long. Nothing was written. Shorten it and import again.",
    ),
    (
        "IMPORT-007",
        "表格里有不允许的内容。没有写入任何内容。请用 Excel 或 WPS 重新保存。",
        "The spreadsheet holds what is not allowed. Nothing was written. Save it anew with Excel or WPS.",
    ),
    (
        "IMPORT-008",
        "读取时间太长，已停止。没有写入任何内容。请拆成几个文件。",
        "Reading took too long and was stopped. Nothing was written. Split the file.",
    ),
    (
        "IMPORT-009",
        "文字编码无法识别。没有写入任何内容。请另存为 xlsx 或 UTF-8 的 csv。",
        "The text's encoding is not known. Nothing was written. Save it as xlsx or as csv in UTF-8.",
    ),
    (
        "IMPORT-010",
        "没有找到任何认识的列。没有写入任何内容。请核对表头，可先导出一份作为样式。",
        "No known column was found. Nothing was written. Check the headings; an export shows them.",
    ),
    (
        "IMPORT-011",
        "没有这个名称的工作表。没有写入任何内容。请核对 --sheet。",
        "There is no sheet of that name. Nothing was written. Check --sheet.",
    ),
    (
        "IMPORT-012",
        "有一个引号没有配对。没有写入任何内容。请修改该行后再导入。",
        "A quotation mark is not closed. Nothing was written. Mend the line and import again.",
    ),
    (
        "IMPORT-013",
        "文件是空的。没有写入任何内容。",
        "The file is empty. Nothing was written.",
    ),
    (
        "EXPORT-001",
        "文件无法写入。原有文件没有变动。请核对路径、权限和磁盘空间。",
        "The file cannot be written. An older one is as it was. Check path, permissions and space.",
    ),
    (
        "EXPORT-002",
        "行数超过表格上限。没有写出文件。请分辖区导出，或用 csv。",
        "There are more rows than a sheet holds. Nothing was written. Export by scope or as csv.",
    ),
    (
        "EXPORT-003",
        "有单元格的文字太长。没有写出文件。请用 csv 导出。",
        "A cell's text is too long for a workbook. Nothing was written. Export as csv.",
    ),
    (
        "EXPORT-004",
        "工作簿无法生成。没有写出文件。请用 csv 导出，并保留日志。",
        "The workbook cannot be made. Nothing was written. Export as csv and keep the log.",
    ),
];
