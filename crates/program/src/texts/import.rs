//! The sentences of import and export.

/// Code, Chinese, English.
pub(super) const TEXTS: &[(&str, &str, &str)] = &[
    (
        "IMPORT-022",
        "本辖区有几条记录与这一行相符，无法确定是哪一条。这一行没有写入。请先核对重复的记录，或导出后按 id 列导入。",
        "Several records of the scope fit this row. The row was not written. Look at the duplicates first, or export and import with the id column.",
    ),
    (
        "IMPORT-023",
        "与第 {first} 行是同一条记录，内容却不同。这一行没有写入，第 {first} 行不受影响。请删去其中一行，再导入一次。",
        "This is the record of line {first}, with other values. The row was not written, line {first} was. Remove one of the two and import again.",
    ),
    (
        "IMPORT-024",
        "这里没有编号为 {id} 的记录。这一行没有写入。请核对文件来源；要新建记录，请清空这一行的 id。",
        "There is no record {id} here. The row was not written. See where the file comes from; to make a record, clear the id of the row.",
    ),
    (
        "IMPORT-025",
        "记录 {id} 已删除。这一行没有写入。请先恢复这条记录，再导入一次。",
        "Record {id} was deleted. The row was not written. Restore the record and import again.",
    ),
    (
        "IMPORT-026",
        "这一项并存的值太多。这一行没有写入。请先处理这条记录的冲突，再导入一次。",
        "This field holds too many values side by side. The row was not written. Decide the conflicts of the record and import again.",
    ),
    (
        "IMPORT-027",
        "这一格是出错的公式（{error}）。这一行没有写入。请改正公式或直接填写数值，再导入一次。",
        "The cell is a formula that failed ({error}). The row was not written. Correct it or type the value, and import again.",
    ),
    (
        "IMPORT-028",
        "缺少决定这条记录身份的栏目。这一行没有写入。请补全后再导入一次。",
        "A field is missing that makes this record what it is. The row was not written. Fill it in and import again.",
    ),
    (
        "IMPORT-030",
        "与第 {first} 行重复，只算一次。",
        "Repeats line {first}; it counts once.",
    ),
    (
        "IMPORT-031",
        "表中“{heading}”一列不认识，没有读入，其余各列照常读入。",
        "The column \"{heading}\" is not known and was not read; the others were.",
    ),
    (
        "IMPORT-032",
        "上次导入之后有人改过这一项。两个值都已保留，请用 conflict list 查看并处理。",
        "Somebody has changed this since the last import. Both values are kept; see conflict list and decide.",
    ),
    (
        "IMPORT-034",
        "表中“{heading}”一列按相近的栏目读入，请核对。",
        "The column \"{heading}\" was read as the field nearest to it; please compare.",
    ),
    (
        "IMPORT-035",
        "工作表“{sheet}”也有认识的栏目，这次没有读入；需要时请加 --sheet 再导入一次。",
        "The sheet \"{sheet}\" has known columns too and was not read; import it with --sheet if it is wanted.",
    ),
    (
        "IMPORT-036",
        "有 {rows} 行的 id 列不是记录编号，没有采用，改按代码或名称对应。",
        "In {rows} rows the id column holds no record id; they were met by code or name.",
    ),
    (
        "IMPORT-037",
        "表头下面没有内容，没有写入任何数据。",
        "There is nothing below the header; nothing was written.",
    ),
    (
        "IMPORT-038",
        "本辖区有同名但没有信用代码的记录，可能是同一单位。已按信用代码新建，请核对。",
        "The scope has a record of this name without a credit code; it may be the same. A record was made for the code; please compare.",
    ),
    (
        "IMPORT-039",
        "第 {line} 行的合计 {stated} 分与各行之和 {sum} 分不符，整张表没有导入，原有内容没有变动。请核对各行金额与合计后重试。",
        "The total in line {line}, {stated} fen, is not the sum of the lines, {sum} fen. Nothing of the sheet was imported or changed. Compare the lines with the total and try again.",
    ),
    (
        "IMPORT-040",
        "有 {rows} 行的党员数没有导出（记作“<”），这些行的数字都没有读入，原有数字没有变动，其余各项照常读入。",
        "In {rows} rows a number of members was not exported and stands as \"<\"; their figures were not read and stay as they are, the rest of the rows was.",
    ),
];
