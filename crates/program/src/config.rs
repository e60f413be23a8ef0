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
}

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
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            cache_mib: 64,
            min_free_mib: 64,
            proof_hours: 0,
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
        if !(1..=1_000_000).contains(&self.conflicts.storm) {
            return wrong("conflicts.storm: 1 to 1000000");
        }
        let doctor = &self.doctor;
        if doctor.fence_days < doctor.not_seen_days {
            return wrong("doctor.fence_days: at least doctor.not_seen_days");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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
    fn an_unknown_setting_is_an_error() {
        assert_eq!(
            Config::parse("[store]\ncach_mib = 64").unwrap_err().code,
            "CONFIG-001"
        );
    }
}
