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
        "DOCTOR-041",
        "停用的辖区没有唯一的承接辖区：{scopes}。数据不受影响，仍按原代码统计。请用 record put scope 填写后继辖区（replaced_by）。",
        "Scopes have ended without one successor: {scopes}. The data is not affected and counts under the old code. Name the successor with record put scope (replaced_by).",
    ),
];
