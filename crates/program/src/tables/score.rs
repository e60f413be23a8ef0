//! A figure as it is judged: against the line of the city, and against the quarter before.

use domain::{
    indicator::{percent, tenths},
    label::Language,
};
use serde_json::{Value as Json, json};

use super::table::Word;
use crate::config::Line;

/// Tenths of a percentage point by which a figure has moved, as people read them.
pub(super) fn moved(by: i64) -> String {
    let sign = match by {
        0 => "±",
        1.. => "+",
        _ => "-",
    };
    let tenths = by.unsigned_abs();
    format!("{sign}{}.{}", tenths / 10, tenths % 10)
}

/// How a figure stands: a word with a sign, so that nobody has to tell colours apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// It reaches the line.
    Met,
    /// It comes near it.
    Close,
    /// It does neither.
    Missed,
}

impl Light {
    /// Judges a share; none of nothing, which is neither met nor missed.
    #[must_use]
    pub fn of(num: u64, den: u64, line: Line) -> Option<Self> {
        let shown = tenths(num, den)?;
        let [met, close] = line.map(|percent| u128::from(percent) * 10);
        Some(match shown {
            shown if shown >= met => Self::Met,
            shown if shown >= close => Self::Close,
            _ => Self::Missed,
        })
    }

    fn id(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Close => "close",
            Self::Missed => "missed",
        }
    }

    fn say(self, language: Language) -> &'static str {
        match self {
            Self::Met => language.pick("✓达标", "✓ met"),
            Self::Close => language.pick("△接近", "△ close"),
            Self::Missed => language.pick("✗未达标", "✗ missed"),
        }
    }
}

/// What stands for the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A share, said in percent as well.
    Share,
    /// A number beside the least that is asked for.
    Quota,
}

/// One figure with its light and its trend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// Of what kind.
    pub of: Of,
    /// How many.
    pub num: u64,
    /// Of how many, or how many there should be; 0 where it does not apply.
    pub den: u64,
    /// From how many percent it is met, and from how many close.
    pub line: Line,
    /// The same figure at the end of the quarter before, as it was accepted.
    pub before: Option<(u64, u64)>,
}

impl Score {
    /// How it stands.
    #[must_use]
    pub fn light(&self) -> Option<Light> {
        Light::of(self.num, self.den, self.line)
    }

    /// By how many tenths of a percentage point it has moved since the quarter before; none where one
    /// of the two does not apply. What is subtracted is what was shown.
    #[must_use]
    pub fn trend(&self) -> Option<i64> {
        let (num, den) = self.before?;
        let shown = |num, den| i64::try_from(tenths(num, den)?).ok();
        Some(shown(self.num, self.den)? - shown(num, den)?)
    }

    /// The moved tenths as people read them.
    pub(super) fn trend_text(&self) -> Option<String> {
        self.trend().map(moved)
    }

    pub(super) fn pct(&self) -> Option<String> {
        match self.of {
            Of::Share => percent(self.num, self.den),
            Of::Quota => None,
        }
    }

    pub(super) fn light_text(&self, language: Language) -> &'static str {
        match self.light() {
            Some(light) => light.say(language),
            None => language.pick("不适用", "not applicable"),
        }
    }

    /// How people read it: the figure, and below it how it stands and what has moved, so that a row of
    /// a dozen of them stays narrow.
    pub(super) fn say(&self, language: Language) -> String {
        let Some(light) = self.light() else {
            return "—".to_owned();
        };
        let pct = self
            .pct()
            .map_or_else(String::new, |pct| format!(" {pct}%"));
        let light = light.say(language);
        let trend = self.trend_text();
        let trend = trend.map_or_else(String::new, |trend| format!(" {trend}"));
        format!("{}/{}{pct}\n{light}{trend}", self.num, self.den)
    }

    /// How scripts read it; the trend in percentage points.
    pub(super) fn json(&self) -> Json {
        let [target, close] = self.line;
        let light = self.light().map_or("not_applicable", Light::id);
        match self.of {
            Of::Share => json!({
                "num": self.num, "den": self.den, "pct": self.pct(), "target_pct": target,
                "close_pct": close, "light": light, "trend": self.trend_text(),
            }),
            Of::Quota => json!({ "held": self.num, "quota": self.den, "light": light }),
        }
    }
}

/// The line of a share, for the heading of its column.
pub(super) fn target(label: &Word, line: Line) -> Word {
    let [target, _] = line;
    let say = |language| format!("{} ≥{target}%", label.say(language));
    Word::new(say(Language::Zh), say(Language::En))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(num: u64, den: u64, before: Option<(u64, u64)>) -> Score {
        Score {
            of: Of::Share,
            num,
            den,
            line: [100, 80],
            before,
        }
    }

    #[test]
    fn a_light_goes_by_what_is_shown() {
        let light = |num, den| share(num, den, None).light();
        assert_eq!(light(2_000, 2_000), Some(Light::Met));
        // 99.95 % is shown as 99.9 and is not all.
        assert_eq!(light(1_999, 2_000), Some(Light::Close));
        assert_eq!(light(4, 5), Some(Light::Close));
        assert_eq!(light(79, 100), Some(Light::Missed));
        assert_eq!(light(0, 0), None, "nothing is neither met nor missed");
        assert_eq!(share(0, 0, Some((1, 1))).say(Language::Zh), "—");
    }

    #[test]
    fn a_trend_is_what_was_shown_less_what_was_shown_before() {
        let say = |before| share(3, 16, before).say(Language::Zh);
        assert_eq!(say(Some((1, 8))), "3/16 18.8%\n✗未达标 +6.3");
        assert_eq!(say(Some((1, 2))), "3/16 18.8%\n✗未达标 -31.2");
        assert_eq!(say(Some((3, 16))), "3/16 18.8%\n✗未达标 ±0.0");
        assert_eq!(say(Some((0, 0))), "3/16 18.8%\n✗未达标");
        assert_eq!(say(None), "3/16 18.8%\n✗未达标");
    }
}
