//! A report as one HTML file to print: A4 landscape, title, unit and day on every page, the sums of
//! each page and of all, nothing fetched from anywhere, every text escaped.

use std::fmt::Write as _;

use domain::label::Language;

use super::{
    heads, label, notes,
    sheets::{self, Around, Layout},
};
use crate::tables::table::{Cell, Column, Content, Report, Table, Word};

/// The look: every class is used below. What has a height is in `sheets`, too.
const STYLE: &str = "
@page { size: A4 landscape; margin: 12mm 10mm; }
body { font-family: 'SimSun', 'Songti SC', 'Noto Serif CJK SC', 'Source Han Serif SC', serif;
  font-size: 10pt; color: #000; margin: 0; }
h1 { font-family: 'SimHei', 'Heiti SC', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif;
  font-size: 16pt; line-height: 20pt; text-align: center; margin: 0 0 4pt; }
h2 { font-size: 11pt; line-height: 14pt; text-align: center; margin: 0 0 3pt; }
p.head { font-size: 10pt; line-height: 13pt; margin: 0 0 3pt; }
p.banner { font-size: 10pt; line-height: 13pt; margin: 0 0 3pt; text-align: center;
  font-weight: bold; color: #b00; }
p.note { font-size: 8.5pt; line-height: 11pt; margin: 0; }
p.broken { font-size: 8.5pt; line-height: 11pt; margin: 3pt 0; padding: 3pt; border: 2px solid #b00;
  color: #b00; font-weight: bold; }
section { break-after: page; } section:last-of-type { break-after: auto; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
thead { display: table-header-group; } tr { break-inside: avoid; }
th, td { border: 0.5pt solid #000; vertical-align: middle; overflow-wrap: anywhere; }
th { font-weight: bold; text-align: center; }
td.n { text-align: right; white-space: nowrap; } td.c { text-align: center; white-space: nowrap; }
td.top { border: 0; padding: 0; } tr.sum td { font-weight: bold; }
";

/// The text of the file.
pub(super) fn content(report: &Report, language: Language) -> String {
    let title = escape(report.title.say(language));
    let lang = language.pick("zh-CN", "en");
    let sizes = sheets::style();
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <title>{title}</title>\n<style>{STYLE}{sizes}</style>\n</head>\n<body>\n"
    );
    for table in &report.tables {
        let notes = notes(table, language);
        let part = if report.tables.len() > 1 {
            sheets::PART
        } else {
            0
        };
        let banner = report.banner(language).map_or(0, |_| sheets::BANNER);
        let around = Around {
            above: sheets::TITLE + part + banner + sheets::HEAD,
            notes: &notes,
        };
        let layout = Layout::of(table, &around, language);
        for (at, rows) in layout.pages.iter().enumerate() {
            let page = Page {
                report,
                table,
                layout: &layout,
                notes: &notes,
                rows: table.rows.get(rows.clone()).unwrap_or_default(),
                at: at + 1,
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
    layout: &'r Layout,
    notes: &'r [String],
    rows: &'r [Vec<Cell>],
    at: usize,
}

impl Page<'_> {
    fn write(&self, html: &mut String, language: Language) {
        let of = self.layout.pages.len();
        let class = self.layout.size.class();
        put(
            html,
            format_args!("<section>\n<table class=\"{class}\">\n<colgroup>"),
        );
        for width in &self.layout.columns {
            let (whole, part) = (width / 100, width % 100);
            put(
                html,
                format_args!("<col style=\"width:{whole}.{part:02}%\"/>"),
            );
        }
        html.push_str("</colgroup>\n<thead>\n");
        // Within the headings, so that a browser repeats it should a page need a second sheet.
        self.top(html, language);
        headings(html, &self.table.columns, language);
        html.push_str("</thead>\n<tbody>\n");
        for row in self.rows {
            self.row(html, row, "", language);
        }
        if of > 1 {
            let heading = Cell::Term("page".to_owned(), Word::of("本页小计", "Page sum"));
            if let Some(sums) = self.table.sums(self.rows, heading) {
                self.row(html, &sums, " class=\"sum\"", language);
            }
        }
        let is_last = self.at == of;
        for total in self.table.total.iter().filter(|_| is_last) {
            self.row(html, total, " class=\"sum\"", language);
        }
        html.push_str("</tbody>\n</table>\n");
        if self.table.rows.is_empty() {
            let none = language.pick("暂无数据", "No data");
            put(html, format_args!("<p class=\"head\">{none}</p>\n"));
        }
        for note in self.notes.iter().filter(|_| is_last) {
            let class = match note.starts_with("!!") {
                true => "broken",
                false => "note",
            };
            let note = escape(note);
            put(html, format_args!("<p class=\"{class}\">{note}</p>\n"));
        }
        html.push_str("</section>\n");
    }

    /// What stands above the headings on every page.
    fn top(&self, html: &mut String, language: Language) {
        let span = self.table.columns.len();
        put(
            html,
            format_args!("<tr><td class=\"top\" colspan=\"{span}\">"),
        );
        let title = escape(self.report.title.say(language));
        put(html, format_args!("<h1>{title}</h1>"));
        if self.report.tables.len() > 1 {
            let part = escape(self.table.title.say(language));
            put(html, format_args!("<h2>{part}</h2>"));
        }
        if let Some(banner) = self.report.banner(language) {
            put(html, format_args!("<p class=\"banner\">{banner}</p>"));
        }
        let (at, of) = (self.at, self.layout.pages.len());
        let page = match language {
            Language::Zh => format!("第 {at} 页，共 {of} 页"),
            Language::En => format!("page {at} of {of}"),
        };
        let head = escape(&self.report.head(language));
        put(
            html,
            format_args!("<p class=\"head\">{head}　　{page}</p></td></tr>\n"),
        );
    }

    fn row(&self, html: &mut String, row: &[Cell], class: &str, language: Language) {
        put(html, format_args!("<tr{class}>"));
        for (column, cell) in self.table.columns.iter().zip(row) {
            let class = match column.content {
                Content::Text | Content::Score => "",
                Content::Count
                | Content::Rate
                | Content::Quota
                | Content::Money
                | Content::Moved => " class=\"n\"",
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
    html.push_str("<tr>");
    let is_grouped = columns.iter().any(|column| column.group.is_some());
    for (group, columns) in heads(columns) {
        let span = columns.len();
        match (group, columns.first()) {
            (Some(group), _) => {
                let group = escape(group.say(language));
                put(html, format_args!("<th colspan=\"{span}\">{group}</th>"));
            }
            (None, Some(column)) => {
                let rows = if is_grouped { 2 } else { 1 };
                let label = escape(&label(column, language));
                put(html, format_args!("<th rowspan=\"{rows}\">{label}</th>"));
            }
            (None, None) => {}
        }
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
