//! The scorecard: one row a scope and the city below them, the headline figures with their lights and
//! what has moved since the quarter before, and how old what is known of each scope is (domain 6,
//! "Display").
//!
//! No score is made of them: the plan gives no weights.

use domain::{
    Date, Parameters, date,
    indicator::{Definition, Figure, Unit},
};
use replica::ScopeId;

use super::{
    frame::Frame,
    progress::Figures,
    quality::{Exchange, exchanges},
    score::{self, Of, Score},
    table::{Cell, Column, Content, Table, Word},
};
use crate::{
    app::Live,
    clock::date_of,
    config::{Line, ScorecardConfig},
    failure::Failure,
    returns::{self, Frozen},
};

/// What a scope holds at least each year: the figure, that of the city, the quota.
type Quota = (&'static str, &'static str, fn(&Parameters) -> u32);

/// The quotas in the order of the plan.
const QUOTAS: [Quota; 4] = [
    ("drives_held", "drives_held_met", |year| year.quota_drive),
    ("trainings_held", "trainings_held_met", |year| {
        year.quota_training
    }),
    ("seminars_held", "seminars_held_met", |year| {
        year.quota_seminar
    }),
    ("platforms_new", "platforms_new_met", |year| {
        year.quota_platform
    }),
];

/// What stands in a column.
enum Measure {
    Share(&'static Definition),
    Quota(Quota),
}

/// The figures with what they are judged by.
struct Card<'f, 'a> {
    frame: &'f Frame<'a>,
    figures: Figures,
    measures: Vec<Measure>,
    parameters: Parameters,
    lines: &'f ScorecardConfig,
    /// The quarter before that of the day.
    quarter: String,
}

/// The table.
pub(super) fn scorecard<L: Live>(frame: &Frame<'_>, live: &L) -> Result<Vec<Table>, Failure> {
    let parameters = Parameters::of(&frame.parameters, frame.year, frame.as_of);
    let shares = Definition::headlines(&parameters).filter(|one| one.unit == Unit::Percent);
    let measures = shares.map(Measure::Share);
    let card = Card {
        frame,
        figures: Figures::of(frame)?,
        measures: measures.chain(QUOTAS.map(Measure::Quota)).collect(),
        parameters,
        lines: &frame.app.config.scorecard,
        quarter: quarter_before(frame.as_of),
    };
    let mut table = Table::new("scorecard", Word::of("成绩单", "Scorecard"), card.columns());
    let exchanges = exchanges(frame.app, live)?;
    let mut ages = Vec::new();
    for scope in frame.shown(card.figures.scopes()) {
        let age = card.age(scope, exchanges.get(&scope));
        let mut row = vec![frame.scope(scope)];
        row.extend(card.scope(scope)?);
        row.extend(age.cells());
        table.rows.push(row);
        ages.push(age);
    }
    if card.figures.has_city() {
        let mut total = vec![Cell::word("city", "全市", "City")];
        total.extend(card.city()?);
        total.extend(oldest(&ages));
        table.total = Some(total);
    }
    card.notes(&mut table);
    Ok(vec![table])
}

/// The quarter that ended last before the one in which the day lies.
fn quarter_before(day: Date) -> String {
    match date::quarter(day) {
        1 => format!("{:04}Q4", day.year() - 1),
        quarter => format!("{:04}Q{}", day.year(), quarter - 1),
    }
}

impl Card<'_, '_> {
    fn columns(&self) -> Vec<Column> {
        let mut columns = vec![Column::new(Content::Text, "scope", ("辖区", "Scope"))];
        columns.extend(self.measures.iter().map(|measure| match measure {
            Measure::Share(one) => {
                let mut column = Column::new(Content::Score, one.name, ("", ""));
                column.label = score::target(&Word::of(one.zh, one.en), self.line(one.name));
                column
            }
            Measure::Quota((name, ..)) => {
                let (zh, en) = Definition::of(name).map_or((*name, *name), |one| (one.zh, one.en));
                Column::new(Content::Score, *name, (zh, en))
            }
        }));
        columns.push(Column::new(
            Content::Date,
            "data_as_of",
            ("数据截至", "Data as of"),
        ));
        columns.push(Column::new(Content::Text, "age", ("同步", "Exchange")));
        columns
    }

    fn line(&self, name: &str) -> Line {
        self.lines.line(name)
    }

    /// The cells of a scope.
    fn scope(&self, scope: ScopeId) -> Result<Vec<Cell>, Failure> {
        let frozen = returns::frozen(self.frame.app, scope, &self.quarter)?;
        let is_asked = self.figures.is_expected(scope);
        let cells = self.measures.iter().map(|measure| match measure {
            Measure::Share(one) => self.share(one, self.figures.get(scope, one.name), &frozen),
            Measure::Quota((name, _, quota)) => {
                let held = self.figures.number(scope, name);
                // One that is not expected to report has no quota, and cannot miss it.
                let quota = if is_asked { quota(&self.parameters) } else { 0 };
                held.map_or(Cell::Empty, |held| self.quota(held, quota.into()))
            }
        });
        Ok(cells.collect())
    }

    /// The cells of the city: pooled shares, and of the quotas how many scopes have reached them.
    fn city(&self) -> Result<Vec<Cell>, Failure> {
        let app = self.frame.app;
        let frozen = returns::frozen(app, app.published(), &self.quarter)?;
        let cells = self.measures.iter().map(|measure| match measure {
            Measure::Share(one) => self.share(one, self.figures.figure_of_city(one.name), &frozen),
            Measure::Quota((_, met, _)) => match self.figures.figure_of_city(met) {
                Some(Figure::Met { num, den }) => self.quota(num, den),
                _ => Cell::Empty,
            },
        });
        Ok(cells.collect())
    }

    fn share(&self, one: &Definition, figure: Option<Figure>, frozen: &Frozen) -> Cell {
        let Some(Figure::Rate { num, den }) = figure else {
            return Cell::Empty;
        };
        let before = frozen.get(one.name);
        Cell::Score(Score {
            of: Of::Share,
            num,
            den,
            line: self.line(one.name),
            before: before.and_then(|(num, den)| Some((u64::try_from(num).ok()?, den))),
        })
    }

    fn quota(&self, num: u64, den: u64) -> Cell {
        Cell::Score(Score {
            of: Of::Quota,
            num,
            den,
            line: self.lines.quotas,
            before: None,
        })
    }

    /// How old what is known of a scope is.
    fn age(&self, scope: ScopeId, exchange: Option<&Exchange>) -> Age {
        let today = self.frame.app.today();
        if scope == self.frame.app.scope() || scope == self.frame.app.published() {
            return Age::Own(today);
        }
        match exchange.and_then(|exchange| exchange.last_ms).map(date_of) {
            None => Age::Never,
            Some(last) if (today - last).whole_days() > i64::from(self.parameters.stale_days) => {
                Age::Stale(last, (today - last).whole_days())
            }
            Some(last) => Age::Fresh(last),
        }
    }

    fn notes(&self, table: &mut Table) {
        let (quarter, days) = (&self.quarter, self.parameters.stale_days);
        let [met, close] = self.lines.quotas;
        table.notes.push(Word::new(
            format!("评价按市级设定的线（配置 [scorecard]）：达到列名中的百分比为“✓达标”，达到接近线为“△接近”，其余为“✗未达标”；有下限的各栏按完成比例 {met}% 和 {close}%。没有对象的记“—”，既不算达标也不算未达标。"),
            format!("Lights go by the lines that the city sets ([scorecard] of the settings): met from the percentage in the heading, close from the second line, else missed; against a quota by the share that is done, {met} % and {close} %. What does not apply is a dash, neither met nor missed."),
        ));
        table.notes.push(Word::new(
            format!("末尾的数字是与 {quarter} 已接收（冻结）的数字相比，单位为百分点；该季没有冻结数字的为空。"),
            format!("The last number is the change since {quarter} as it was accepted and frozen, in percentage points; empty where nothing was."),
        ));
        table.notes.push(Word::new(
            format!("超过 {days} 天没有同步的辖区标“⚠”：其数字可能早已变化，好坏都不能据此判断。"),
            format!("A scope without an exchange for more than {days} days is marked ⚠: its figures may have moved long since, and say neither good nor bad of it."),
        ));
        if table.total.is_some() {
            table.note(
                "全市一行：比率为合并计算、按信用代码剔重，不是各辖区比率的平均；有下限的各栏为达到的辖区数/应达到的辖区数。不计综合分。",
                "In the row of the city rates are pooled, each credit code once, and no mean of the scopes; against a quota it counts scopes that reached it of those that should. No score is made of them.",
            );
        }
        let open = self.figures.open_conflicts();
        if open > 0 {
            table.notes.push(Word::new(
                format!("有 {open} 项冲突待处理，相关数字为暂定值，处理后可能变动。"),
                format!("{open} conflicts are open: the figures they touch are provisional and may still move."),
            ));
        }
    }
}

/// How old what is known of a scope is.
enum Age {
    /// It is entered here.
    Own(Date),
    Fresh(Date),
    /// With the days since.
    Stale(Date, i64),
    Never,
}

impl Age {
    fn day(&self) -> Option<Date> {
        match self {
            Self::Own(day) | Self::Fresh(day) | Self::Stale(day, _) => Some(*day),
            Self::Never => None,
        }
    }

    fn is_stale(&self) -> bool {
        matches!(self, Self::Stale(..) | Self::Never)
    }

    fn cells(&self) -> [Cell; 2] {
        let says = match self {
            Self::Own(_) => Cell::word("own", "本级", "own"),
            Self::Fresh(_) => Cell::word("fresh", "及时", "fresh"),
            Self::Stale(_, days) => Cell::Term(
                "stale".to_owned(),
                Word::new(
                    format!("⚠ {days} 天未同步"),
                    format!("⚠ {days} days without an exchange"),
                ),
            ),
            Self::Never => Cell::word("never", "⚠ 从未同步", "⚠ never"),
        };
        [self.day().map_or(Cell::Empty, Cell::Date), says]
    }
}

/// The city is as old as the oldest of what it is made of.
fn oldest(ages: &[Age]) -> [Cell; 2] {
    let days: Option<Vec<Date>> = ages.iter().map(Age::day).collect();
    let oldest = days.and_then(|days| days.into_iter().min());
    let says = match ages.iter().filter(|age| age.is_stale()).count() {
        0 => Cell::word("fresh", "及时", "fresh"),
        stale => Cell::Term(
            "stale".to_owned(),
            Word::new(
                format!("⚠ {stale} 个辖区未及时同步"),
                format!("⚠ {stale} scopes without a recent exchange"),
            ),
        ),
    };
    [oldest.map_or(Cell::Empty, Cell::Date), says]
}
