//! What the large demo may take at most, or gives at least, in one table. `--only demo` ends with an
//! error where one is missed.

use super::{Figure, Report};

/// A limit.
#[derive(Clone, Copy, Debug)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

use Bound::{AtLeast, AtMost};

/// Of each figure the median, by its name; a name that ends with `*` stands for all that begin so. First
/// questions of a program have none.
#[rustfmt::skip]
const LIMITS: &[(&str, Bound, &str)] = &[
    ("figures, counted from nothing",       AtMost(5.0),      "s"),
    ("figures, all after one change",       AtMost(5.0),      "ms"),
    ("figures, the city's board",           AtMost(20.0),     "ms"),
    ("report *",                            AtMost(2.0),      "s"),
    ("demo, memory while filled",           AtMost(1_024.0),  "MiB"),
    ("demo, memory after all reports",      AtMost(1_024.0),  "MiB"),
    ("demo, on disk / live",                AtMost(10.0),     "x"),
    ("demo, first sync of 19 nodes at once", AtLeast(15_000.0), "/s"),
];

/// What stands for a first question of a program.
const FIRST: &str = ", first";

impl Bound {
    /// A figure that is no number keeps none.
    fn keeps(self, value: f64) -> bool {
        match self {
            AtMost(most) => value <= most,
            AtLeast(least) => value >= least,
        }
    }

    fn text(self) -> String {
        match self {
            AtMost(most) => format!("at most {most}"),
            AtLeast(least) => format!("at least {least}"),
        }
    }
}

fn is_of(figure: &Figure, name: &str) -> bool {
    match name.strip_suffix('*') {
        Some(lead) => figure.name.starts_with(lead) && !figure.name.ends_with(FIRST),
        None => figure.name == name,
    }
}

/// The limits that a run of the demo has missed, in words; one that was not measured is missed.
pub(super) fn missed(report: &Report) -> Vec<String> {
    let mut missed = Vec::new();
    for (name, bound, unit) in LIMITS {
        let mut figures = report
            .figures
            .iter()
            .filter(|it| is_of(it, name))
            .peekable();
        if figures.peek().is_none() {
            missed.push(format!("{name}: not measured, {} {unit}", bound.text()));
        }
        for figure in figures.filter(|it| it.unit != *unit || !bound.keeps(it.median())) {
            let (median, of) = (figure.median(), figure.unit);
            let line = format!("{}: {median:.2} {of}, {} {unit}", figure.name, bound.text());
            missed.push(line);
        }
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(change: Option<(&str, f64)>) -> Report {
        let mut report = Report::default();
        for (name, bound, unit) in LIMITS {
            let (AtMost(value) | AtLeast(value)) = *bound;
            report.add(&name.replace('*', "quality"), value, unit);
        }
        report.add("report quality, first", 60.0, "s");
        if let Some((name, value)) = change {
            let mut figures = report.figures.iter_mut();
            let figure = figures.find(|figure| figure.name == name).unwrap();
            figure.values = vec![value];
        }
        report
    }

    #[test]
    fn every_limit_is_kept_at_its_bound_and_missed_beyond() {
        assert_eq!(missed(&measured(None)), Vec::<String>::new());
        for (name, bound, _) in LIMITS {
            let beyond = match *bound {
                AtMost(most) => most * 1.01,
                AtLeast(least) => least * 0.99,
            };
            let name = name.replace('*', "quality");
            for value in [beyond, f64::NAN] {
                let missed = missed(&measured(Some((&name, value))));
                assert_eq!(missed.len(), 1, "{name} {value}: {missed:?}");
                assert!(
                    missed.iter().all(|line| line.starts_with(&name)),
                    "{missed:?}"
                );
            }
        }
        assert_eq!(
            missed(&Report::default()).len(),
            LIMITS.len(),
            "nothing was measured"
        );
    }
}
