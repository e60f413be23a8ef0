//! The settings of a program: `config.toml` in its directory. All have defaults; an unknown name
//! is an error, so that a misspelt setting is not silently the default.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The store.
    pub store: StoreConfig,
    /// What the serving program offers.
    pub serve: ServeConfig,
    /// Conflicts.
    pub conflicts: ConflictsConfig,
    /// When `doctor` and `status` speak up.
    pub doctor: DoctorConfig,
    /// The lines of the scorecard's lights.
    pub scorecard: ScorecardConfig,
}

/// What the file of the store's key is called, in the directory.
pub const KEY_FILE: &str = "store.key";

/// Stands for no key: values are stored as they are.
pub const NO_KEY: &str = "none";

/// The store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Memory for the store's own cache, MiB. Real use can be several times this.
    pub cache_mib: u64,
    /// Free disk, MiB, below which the store does not open.
    pub min_free_mib: u64,
    /// Hours between two proofs of a serving program; 0: one up to 100,000 records, 24 above.
    pub proof_hours: u64,
    /// The file of the key that the store is encrypted with, from the directory on; `none`: it is not.
    pub key_file: String,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            cache_mib: 64,
            min_free_mib: 64,
            proof_hours: 0,
            key_file: KEY_FILE.to_owned(),
        }
    }
}

/// Conflicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConflictsConfig {
    /// Open conflicts of one source above which its imports and bulk writes are refused.
    pub storm: usize,
}

impl Default for ConflictsConfig {
    fn default() -> Self {
        // More than a careful import makes in a year; few enough to look at in a day.
        Self { storm: 200 }
    }
}

/// What the serving program offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeConfig {
    /// Names and addresses that the hub's certificate carries besides localhost, for tools that
    /// check names. Nodes go by the identity.
    pub names: Vec<String>,
    /// The port of the metrics on loopback; 0 takes any, none switches them off.
    pub metrics_port: Option<u16>,
    /// `text` or `json`.
    pub log_format: LogFormat,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            metrics_port: Some(0),
            log_format: LogFormat::Text,
        }
    }
}

/// From when on `doctor` and `status` speak up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DoctorConfig {
    /// Days without a word of a peer.
    pub not_seen_days: u64,
    /// Minutes that changes may wait for a peer.
    pub lag_minutes: u64,
    /// Days before the end of the own certificate.
    pub certificate_days: u64,
    /// Seconds between the clock here and a peer's.
    pub clock_skew_s: u64,
    /// Free disk, MiB.
    pub disk_free_mib: u64,
    /// Memory of the program, MiB.
    pub memory_mib: u64,
    /// Days without a word of a node after which a person fences it.
    pub fence_days: u64,
    /// Days since the newest verified backup.
    pub backup_days: u64,
}

impl Default for DoctorConfig {
    fn default() -> Self {
        Self {
            not_seen_days: 7,
            lag_minutes: 60,
            certificate_days: 20,
            clock_skew_s: 60,
            disk_free_mib: 10_240,
            memory_mib: 1_024,
            fence_days: 180,
            backup_days: 2,
        }
    }
}

/// From how many percent a figure is met, and from how many it is close.
pub type Line = [u16; 2];

/// The lines of the scorecard's lights, which the city sets. The plan asks for all of what should be
/// built, trained and run; where it names no number, the defaults are a place to start from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScorecardConfig {
    /// Organisations that a Party organisation covers.
    pub org_coverage_rate: Line,
    /// Of those where one should be built, those where one is.
    pub built_of_should_rate: Line,
    /// Organisations that are covered or instructed.
    pub work_coverage_rate: Line,
    /// The same with mass organisations.
    pub work_coverage_broad_rate: Line,
    /// Secretaries who were trained in the year.
    pub training_secretary: Line,
    /// Heads who were.
    pub training_head: Line,
    /// Instructors who were.
    pub training_instructor: Line,
    /// Party organisations with running carriers.
    pub carrier_coverage_rate: Line,
    /// Problems that were closed.
    pub problem_closing_rate: Line,
    /// Quotas: of a scope what is done of it, of the city the scopes that reached it.
    pub quotas: Line,
}

impl Default for ScorecardConfig {
    fn default() -> Self {
        Self {
            org_coverage_rate: [60, 40],
            built_of_should_rate: [100, 80],
            work_coverage_rate: [100, 80],
            work_coverage_broad_rate: [100, 80],
            training_secretary: [100, 80],
            training_head: [100, 80],
            training_instructor: [100, 80],
            carrier_coverage_rate: [100, 80],
            problem_closing_rate: [90, 70],
            quotas: [100, 80],
        }
    }
}

impl ScorecardConfig {
    /// Every line with its name.
    fn lines(&self) -> [(&'static str, Line); 10] {
        [
            ("org_coverage_rate", self.org_coverage_rate),
            ("built_of_should_rate", self.built_of_should_rate),
            ("work_coverage_rate", self.work_coverage_rate),
            ("work_coverage_broad_rate", self.work_coverage_broad_rate),
            ("training_secretary", self.training_secretary),
            ("training_head", self.training_head),
            ("training_instructor", self.training_instructor),
            ("carrier_coverage_rate", self.carrier_coverage_rate),
            ("problem_closing_rate", self.problem_closing_rate),
            ("quotas", self.quotas),
        ]
    }

    /// The line of an indicator; that of the quotas for what has none of its own.
    #[must_use]
    pub fn line(&self, name: &str) -> Line {
        let lines = self.lines();
        let known = lines.iter().find(|(known, _)| *known == name);
        known.map_or(self.quotas, |(_, line)| *line)
    }

    fn wrong(&self) -> Option<&'static str> {
        let lines = self.lines().into_iter();
        let mut wrong =
            lines.filter(|(_, [met, close])| !(*close..=100).contains(met) || *met == 0);
        wrong.next().map(|(name, _)| name)
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What `config sample` prints: every setting with its default and its meaning.
pub const SAMPLE: &str = include_str!("config/sample.toml");

impl Config {
    /// Reads the settings of a directory; without a file the defaults.
    ///
    /// # Errors
    /// The file cannot be read, or holds an unknown name or an impossible value.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads settings from text.
    ///
    /// # Errors
    /// An unknown name or an impossible value.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let config: Self = toml::from_str(text)
            .map_err(|error| Failure::new("CONFIG-001", Exit::Invalid).with("detail", error))?;
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), Failure> {
        let wrong =
            |what: &str| Err(Failure::new("CONFIG-001", Exit::Invalid).with("detail", what));
        if !(8..=65_536).contains(&self.store.cache_mib) {
            return wrong("store.cache_mib: 8 to 65536");
        }
        if self.store.min_free_mib > 1 << 20 {
            return wrong("store.min_free_mib: at most 1048576");
        }
        // Damage is found within a day, whatever the setting.
        if self.store.proof_hours > 24 {
            return wrong("store.proof_hours: 0 to 24");
        }
        if self.store.key_file.is_empty() {
            return wrong("store.key_file: a file, or none");
        }
        if !(1..=1_000_000).contains(&self.conflicts.storm) {
            return wrong("conflicts.storm: 1 to 1000000");
        }
        let doctor = &self.doctor;
        if doctor.fence_days < doctor.not_seen_days {
            return wrong("doctor.fence_days: at least doctor.not_seen_days");
        }
        if let Some(name) = self.scorecard.wrong() {
            return wrong(&format!(
                "scorecard.{name}: [met from, close from] in percent, 1 to 100, close not above met"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        Parameters,
        indicator::{Definition, Unit},
    };
    use proto::ledger::WorkCoverageMode;

    use super::*;

    #[test]
    fn the_sample_is_the_default() {
        assert_eq!(Config::parse(SAMPLE).unwrap(), Config::default());
    }

    #[test]
    fn damage_is_looked_for_at_least_once_a_day() {
        let hours = |text: &str| Config::parse(text).map(|config| config.store.proof_hours);
        assert_eq!(hours("[store]\nproof_hours = 24").unwrap(), 24);
        assert_eq!(
            hours("[store]\nproof_hours = 25").unwrap_err().code,
            "CONFIG-001"
        );
    }

    #[test]
    fn every_headline_has_a_line_and_no_line_is_upside_down() {
        let lines = ScorecardConfig::default().lines().map(|(name, _)| name);
        for mode in [WorkCoverageMode::Strict, WorkCoverageMode::Broad] {
            let parameters = Parameters {
                work_coverage: mode,
                ..Parameters::defaults(2020)
            };
            let shares = Definition::headlines(&parameters).filter(|one| one.unit == Unit::Percent);
            for one in shares {
                assert!(lines.contains(&one.name), "{}", one.name);
            }
        }
        let read = |line: &str| Config::parse(&format!("[scorecard]\n{line}"));
        let config = read("training_head = [95, 90]").unwrap().scorecard;
        assert_eq!(config.line("training_head"), [95, 90]);
        assert_eq!(config.line("training_secretary"), [100, 80]);
        for wrong in [
            "quotas = [80, 90]",
            "quotas = [101, 90]",
            "quotas = [0, 0]",
            "quota = [9, 8]",
        ] {
            assert_eq!(read(wrong).unwrap_err().code, "CONFIG-001", "{wrong}");
        }
    }

    #[test]
    fn an_unknown_setting_is_an_error() {
        assert_eq!(
            Config::parse("[store]\ncach_mib = 64").unwrap_err().code,
            "CONFIG-001"
        );
    }
}
