//! A report as one HTML file to print: A4 landscape, the heading on every page, the sums of each
//! page and of all, nothing fetched from anywhere, every text escaped.

use std::fmt::Write as _;

use domain::label::Language;

use super::{label, notes};
use crate::tables::table::{Cell, Column, Content, Report, Table, Word};

/// Rows of a page: what A4 landscape holds beside a title, two lines of heading and the sums.
const PAGE_ROWS: usize = 24;

/// The look: every class is used below.
const STYLE: &str = "
@page { size: A4 landscape; margin: 12mm 10mm; }
body { font-family: 'SimSun', 'Songti SC', 'Noto Serif CJK SC', 'Source Han Serif SC', serif;
  font-size: 10pt; color: #000; margin: 0; }
h1 { font-family: 'SimHei', 'Heiti SC', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif;
  font-size: 16pt; text-align: center; margin: 4mm 0 2mm; }
h2 { font-size: 11pt; text-align: center; margin: 0 0 2mm; font-weight: bold; }
p.head { margin: 0 0 1mm; } p.note { margin: 0; font-size: 8.5pt; }
p.broken { margin: 1mm 0; padding: 1mm; border: 2px solid #b00; color: #b00; font-weight: bold; }
section { break-after: page; } section:last-of-type { break-after: auto; }
table { border-collapse: collapse; width: 100%; }
thead { display: table-header-group; } tr { break-inside: avoid; }
th, td { border: 0.5pt solid #000; padding: 0.8mm 1.2mm; vertical-align: middle; }
th { font-weight: bold; text-align: center; }
td.n { text-align: right; white-space: nowrap; } td.c { text-align: center; white-space: nowrap; }
tr.sum td { font-weight: bold; }
";

/// The text of the file.
pub(super) fn content(report: &Report, language: Language) -> String {
    let title = escape(report.title.say(language));
    let lang = language.pick("zh-CN", "en");
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    );
    for table in &report.tables {
        let pages: Vec<&[Vec<Cell>]> = match table.rows.chunks(PAGE_ROWS) {
            pages if pages.len() > 0 => pages.collect(),
            _ => vec![&[]],
        };
        for (at, rows) in pages.iter().enumerate() {
            let page = Page {
                report,
                table,
                rows,
                at: at + 1,
                of: pages.len(),
            };
            page.write(&mut html, language);
        }
    }
    html.push_str("</body>\n</html>\n");
    html
}

struct Page<'r> {
    report: &'r Report,
    table: &'r Table,
    rows: &'r [Vec<Cell>],
    at: usize,
    of: usize,
}

impl Page<'_> {
    fn write(&self, html: &mut String, language: Language) {
        let title = escape(self.report.title.say(language));
        let head = escape(&self.report.head(language));
        html.push_str("<section>\n");
        put(html, format_args!("<h1>{title}</h1>\n"));
        if self.report.tables.len() > 1 {
            let part = escape(self.table.title.say(language));
            put(html, format_args!("<h2>{part}</h2>\n"));
        }
        let page = match language {
            Language::Zh => format!("第 {} 页，共 {} 页", self.at, self.of),
            Language::En => format!("page {} of {}", self.at, self.of),
        };
        put(
            html,
            format_args!("<p class=\"head\">{head}　　{page}</p>\n<table>\n"),
        );
        headings(html, &self.table.columns, language);
        html.push_str("<tbody>\n");
        for row in self.rows {
            self.row(html, row, "", language);
        }
        if self.of > 1 {
            let heading = Cell::Term("page".to_owned(), Word::of("本页小计", "Page sum"));
            if let Some(sums) = self.table.sums(self.rows, heading) {
                self.row(html, &sums, " class=\"sum\"", language);
            }
        }
        let is_last = self.at == self.of;
        for total in self.table.total.iter().filter(|_| is_last) {
            self.row(html, total, " class=\"sum\"", language);
        }
        html.push_str("</tbody>\n</table>\n");
        if self.table.rows.is_empty() {
            let none = language.pick("暂无数据", "No data");
            put(html, format_args!("<p class=\"head\">{none}</p>\n"));
        }
        for note in notes(self.table, language).iter().filter(|_| is_last) {
            let class = if note.starts_with("!!") {
                "broken"
            } else {
                "note"
            };
            put(
                html,
                format_args!("<p class=\"{class}\">{}</p>\n", escape(note)),
            );
        }
        html.push_str("</section>\n");
    }

    fn row(&self, html: &mut String, row: &[Cell], class: &str, language: Language) {
        put(html, format_args!("<tr{class}>"));
        for (column, cell) in self.table.columns.iter().zip(row) {
            let class = match column.content {
                Content::Text | Content::Score => "",
                Content::Count | Content::Rate | Content::Quota | Content::Money => " class=\"n\"",
                Content::Date | Content::Flag => " class=\"c\"",
            };
            let text = escape(&cell.say(language)).replace('\n', "<br/>");
            put(html, format_args!("<td{class}>{text}</td>"));
        }
        html.push_str("</tr>\n");
    }
}

/// One line of headings, or two where columns share one.
fn headings(html: &mut String, columns: &[Column], language: Language) {
    html.push_str("<thead>\n<tr>");
    let is_grouped = columns.iter().any(|column| column.group.is_some());
    let mut rest = columns;
    while let Some(first) = rest.first() {
        let same = |column: &&Column| column.group == first.group;
        let span = match &first.group {
            Some(_) => rest.iter().take_while(same).count(),
            None => 1,
        };
        match &first.group {
            Some(group) => {
                let group = escape(group.say(language));
                put(html, format_args!("<th colspan=\"{span}\">{group}</th>"));
            }
            None => {
                let rows = if is_grouped { 2 } else { 1 };
                let label = escape(&label(first, language));
                put(html, format_args!("<th rowspan=\"{rows}\">{label}</th>"));
            }
        }
        rest = rest.get(span..).unwrap_or_default();
    }
    html.push_str("</tr>\n");
    if is_grouped {
        html.push_str("<tr>");
        for column in columns.iter().filter(|column| column.group.is_some()) {
            let label = escape(&label(column, language));
            put(html, format_args!("<th>{label}</th>"));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</thead>\n");
}

fn put(html: &mut String, part: std::fmt::Arguments<'_>) {
    html.write_fmt(part)
        .expect("a text in memory takes whatever is written to it");
}

/// A text that is text and nothing else wherever it stands. Control characters, which no page may
/// hold, become spaces.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push('\n'),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
