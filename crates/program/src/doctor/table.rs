//! The checks: one row each.

use std::collections::BTreeSet;

use proto::sync::Diagnosis;

use crate::{
    app::PeerView,
    clock::moment,
    config::DoctorConfig,
    doctor::{Facts, facts::Encryption},
};

/// One finding of `doctor`.
#[derive(Clone, Debug)]
pub struct Check {
    /// The stable code.
    pub code: &'static str,
    /// Its name for scripts.
    pub name: &'static str,
    /// Whether all is well.
    pub well: bool,
    /// Facts for the text.
    pub facts: Vec<(&'static str, String)>,
}

/// What a row has found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Whether all is well.
    pub well: bool,
    /// Facts for the text.
    pub facts: Vec<(&'static str, String)>,
}

/// One check: its code, its name, and how it is found. Nothing is found where it does not apply.
#[derive(Clone, Copy)]
pub struct Row {
    /// The stable code.
    pub code: &'static str,
    /// Its name for scripts.
    pub name: &'static str,
    /// How it is found.
    pub look: fn(&Facts, &DoctorConfig) -> Vec<Finding>,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.name)
    }
}

/// The fact that says at which side a check was made, where its sentence depends on it.
pub(super) const SIDE: &str = "side";

/// The fact that says which sentence is said where all is well, when it is not the row's own.
pub(super) const SAYING: &str = "saying";

const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// Every check there is.
pub const ROWS: &[Row] = &[
    row("DOCTOR-001", "conflicts", |facts, _| count(facts.conflicts)),
    row("DOCTOR-002", "refused", |facts, _| count(facts.refused)),
    row("DOCTOR-003", "quarantined", |facts, _| {
        count(facts.quarantined)
    }),
    row("DOCTOR-004", "certificate", |facts, config| {
        let over = |days: i64| days > signed(config.certificate_days);
        let of = |days: i64| finding(over(days), vec![("days", days.to_string())]);
        facts.certificate_days.map(of).into_iter().collect()
    }),
    row("DOCTOR-005", "pending", |facts, _| {
        of_peers(facts, |peer| {
            let n = ("n", peer.pending.to_string());
            Some(finding(peer.pending == 0, vec![n]))
        })
    }),
    row("DOCTOR-006", "unequal", |facts, _| {
        of_peers(facts, |peer| {
            let well = peer.equal != Some(false) || peer.pending > 0;
            Some(finding(well, vec![side(facts)]))
        })
    }),
    row("DOCTOR-007", "key_unsealed", |facts, _| {
        let of = |sealed| finding(sealed, Vec::new());
        facts.own.key_sealed.map(of).into_iter().collect()
    }),
    row("DOCTOR-008", "clock_skew", |facts, config| {
        of_peers(facts, |peer| {
            let ahead_s = peer.heard.as_ref()?.ahead_ms / 1_000;
            let well = ahead_s.unsigned_abs() <= config.clock_skew_s;
            Some(finding(well, vec![("seconds", ahead_s.to_string())]))
        })
    }),
    row("DOCTOR-009", "line", |facts, _| {
        of_peers(facts, |peer| {
            let detail = peer.failure.clone();
            // The line is up then; the row of the clones has the next step.
            if detail.as_deref().is_some_and(is_copy_code) {
                return None;
            }
            let seen_ms = peer.seen_ms.and_then(|ms| u64::try_from(ms).ok());
            let said = [
                ("detail", detail.clone()),
                ("state", Some(peer.state.clone())),
                ("seen", seen_ms.map(moment)),
            ];
            let said = said.into_iter();
            let said = said.filter_map(|(name, said)| Some((name, said?)));
            Some(finding(detail.is_none(), said.collect()))
        })
    }),
    row("DOCTOR-010", "not_seen", |facts, config| {
        of_peers(facts, |peer| {
            let days = silent_days(facts, peer)?;
            let well = days < signed(config.not_seen_days);
            Some(finding(well, vec![("days", days.to_string())]))
        })
    }),
    row("DOCTOR-011", "lag", |facts, config| {
        of_peers(facts, |peer| {
            let minutes = lag_minutes(facts, peer)?;
            let well = peer.pending == 0 || minutes < config.lag_minutes;
            let n = ("n", peer.pending.to_string());
            Some(finding(well, vec![n, ("minutes", minutes.to_string())]))
        })
    }),
    row("DOCTOR-012", "storm", |facts, _| {
        if facts.storms.is_empty() {
            return vec![finding(true, Vec::new())];
        }
        let of = |(source, n): &(String, usize)| {
            finding(
                false,
                vec![("source", source.clone()), ("n", n.to_string())],
            )
        };
        facts.storms.iter().map(of).collect()
    }),
    row("DOCTOR-013", "disk", |facts, config| {
        let of = |mib: u64| {
            let well = mib >= config.disk_free_mib;
            let limit = ("limit", config.disk_free_mib.to_string());
            finding(well, vec![("mib", mib.to_string()), limit])
        };
        facts.disk_free_mib.map(of).into_iter().collect()
    }),
    row("DOCTOR-014", "memory", |facts, config| {
        let of = |mib: u64| {
            let well = mib <= config.memory_mib;
            let limit = ("limit", config.memory_mib.to_string());
            finding(well, vec![("mib", mib.to_string()), limit])
        };
        facts.memory_mib.map(of).into_iter().collect()
    }),
    row("DOCTOR-015", "damage", |facts, _| {
        let detail = facts.damage.first().cloned().unwrap_or_default();
        let n = ("n", facts.damage.len().to_string());
        vec![finding(
            facts.damage.is_empty(),
            vec![n, ("detail", detail)],
        )]
    }),
    row("DOCTOR-016", "journal_gap", |facts, _| {
        let writes: u64 = facts.breaks.iter().map(|gap| gap.to - gap.from + 1).sum();
        let places = ("places", facts.breaks.len().to_string());
        let well = facts.breaks.is_empty();
        vec![finding(well, vec![("n", writes.to_string()), places])]
    }),
    row("DOCTOR-017", "clone", |facts, _| {
        of_peers(facts, |peer| {
            let is_cloned = is_cloned(peer) || facts.clones.contains(&peer.replica);
            Some(finding(!is_cloned, Vec::new()))
        })
    }),
    row("DOCTOR-018", "restored", |facts, _| {
        of_peers(facts, |peer| {
            let restored = peer
                .heard
                .as_ref()
                .and_then(|heard| restored(heard.diagnosis));
            let settled = peer.equal == Some(true);
            let (whose, well) = (restored.unwrap_or_default(), restored.is_none() || settled);
            Some(finding(well, vec![("whose", whose.to_owned())]))
        })
    }),
    row("DOCTOR-025", "forgotten", |facts, _| {
        vec![finding(!facts.restored, Vec::new())]
    }),
    row("DOCTOR-026", "refilling", |facts, _| {
        let is_awaited = |peer: &&PeerView| facts.refilling.contains(&peer.replica);
        let awaited = facts.peers.iter().filter(is_awaited);
        let nodes: BTreeSet<&str> = awaited.map(|peer| peer.name.as_str()).collect();
        let nodes = nodes.into_iter().collect::<Vec<_>>().join("、");
        let found = vec![("nodes", nodes), side(facts)];
        vec![finding(facts.refilling.is_empty(), found)]
    }),
    row("DOCTOR-019", "fence_due", |facts, config| {
        if !facts.is_hub {
            return Vec::new();
        }
        of_peers(facts, |peer| {
            let days = silent_days(facts, peer)?;
            let is_fenced = facts.fenced.contains(&peer.replica);
            let well = is_fenced || days < signed(config.fence_days);
            let id = ("id", peer.replica.clone());
            Some(finding(well, vec![("days", days.to_string()), id]))
        })
    }),
    row("DOCTOR-020", "schema_behind", |facts, _| {
        of_peers(facts, |peer| {
            let theirs = peer.heard.as_ref()?.schema;
            Some(finding(facts.schema >= theirs, schemas(facts, theirs)))
        })
    }),
    row("DOCTOR-021", "peer_schema_behind", |facts, _| {
        of_peers(facts, |peer| {
            let theirs = peer.heard.as_ref()?.schema;
            Some(finding(theirs >= facts.schema, schemas(facts, theirs)))
        })
    }),
    row("DOCTOR-022", "backup_age", |facts, config| {
        let of = |at_ms: i64| {
            let days = facts.now_ms.saturating_sub(at_ms) / DAY_MS;
            let well = days < signed(config.backup_days);
            finding(well, vec![("days", days.to_string())])
        };
        facts.backup_ms.map(of).into_iter().collect()
    }),
    row("DOCTOR-023", "no_backup", |facts, _| {
        vec![finding(facts.backup_ms.is_some(), Vec::new())]
    }),
    row("DOCTOR-024", "lost_writes", |facts, _| count(facts.missing)),
    row("DOCTOR-027", "erased_files", |facts, _| {
        vec![finding(!facts.rewrite_due, Vec::new())]
    }),
    row("DOCTOR-028", "encryption", |facts, _| {
        let saying = match facts.encryption {
            Encryption::None => "DOCTOR-028-NONE",
            Encryption::KeyBeside => "DOCTOR-028-BESIDE",
            Encryption::Partly | Encryption::KeyElsewhere => "DOCTOR-028",
        };
        let well = facts.encryption != Encryption::Partly;
        vec![finding(well, vec![(SAYING, saying.to_owned())])]
    }),
    row("DOCTOR-041", "open_ends", |facts, _| {
        let of = |scopes: &Vec<String>| {
            let named = ("scopes", scopes.join(" "));
            finding(scopes.is_empty(), vec![named])
        };
        facts.own.open_ends.iter().map(of).collect()
    }),
    row("DOCTOR-042", "claims", |facts, _| {
        facts.own.claims.map(count).unwrap_or_default()
    }),
    row("DOCTOR-043", "moves", |facts, _| {
        facts.own.moves.map(count).unwrap_or_default()
    }),
    row("DOCTOR-044", "late_writes", |facts, _| count(facts.late)),
    row("DOCTOR-045", "ended_links", |facts, _| {
        facts.ended_links.map(count).unwrap_or_default()
    }),
    row("DOCTOR-051", "reviews", |facts, _| {
        facts.own.reviews.map(count).unwrap_or_default()
    }),
    row("DOCTOR-052", "orphans", |facts, _| {
        facts.orphans.map(count).unwrap_or_default()
    }),
    row("DOCTOR-046", "accounts", |facts, _| {
        let waiting = &facts.accounts.waiting;
        // Everybody is administrator then.
        let none = (facts.accounts.count == 0).then(|| (SAYING, "DOCTOR-046-NONE".to_owned()));
        let names = (!waiting.is_empty()).then(|| ("accounts", waiting.join(" ")));
        vec![finding(
            waiting.is_empty(),
            none.into_iter().chain(names).collect(),
        )]
    }),
];

const fn row(
    code: &'static str,
    name: &'static str,
    look: fn(&Facts, &DoctorConfig) -> Vec<Finding>,
) -> Row {
    Row { code, name, look }
}

fn finding(well: bool, facts: Vec<(&'static str, String)>) -> Finding {
    Finding { well, facts }
}

fn side(facts: &Facts) -> (&'static str, String) {
    let side = if facts.is_hub { "hub" } else { "node" };
    (SIDE, side.to_owned())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Well is that there are none.
fn count(n: usize) -> Vec<Finding> {
    vec![finding(n == 0, vec![("n", n.to_string())])]
}

/// One finding for each peer that is expected to be there.
fn of_peers(facts: &Facts, look: impl Fn(&PeerView) -> Option<Finding>) -> Vec<Finding> {
    let expected = facts.peers.iter().filter(|peer| peer.is_expected);
    let found = expected.filter_map(|peer| {
        let mut finding = look(peer)?;
        finding.facts.push(("peer", peer.name.clone()));
        Some(finding)
    });
    found.collect()
}

/// Whether a session that ended so was refused because a memory was rolled back or a copy runs.
#[must_use]
pub fn is_clone_code(code: &str) -> bool {
    code == "SYNC-110" || is_copy_code(code)
}

/// Whether a session that ended so found two copies of a node, of which a person stops one.
#[must_use]
pub fn is_copy_code(code: &str) -> bool {
    code == "SYNC-140"
}

fn is_cloned(peer: &PeerView) -> bool {
    let of_state = peer.state.split(": ").nth(1);
    let mut codes = of_state.into_iter().chain(peer.failure.as_deref());
    codes.any(is_clone_code)
}

/// Who was found restored when a session last began.
fn restored(diagnosis: u32) -> Option<&'static str> {
    match i32::try_from(diagnosis)
        .ok()
        .and_then(|n| Diagnosis::try_from(n).ok())?
    {
        Diagnosis::YouWereRestored => Some("node"),
        Diagnosis::IWasRestored => Some("hub"),
        _ => None,
    }
}

fn schemas(facts: &Facts, theirs: u32) -> Vec<(&'static str, String)> {
    let ours = facts.schema.to_string();
    vec![("ours", ours), ("theirs", theirs.to_string())]
}

/// Days without a word of a peer; none while it is connected, or was never expected so far.
fn silent_days(facts: &Facts, peer: &PeerView) -> Option<i64> {
    if peer.state == "connected" {
        return Some(0);
    }
    let silent_ms = facts.now_ms.saturating_sub(peer.seen_ms?);
    Some(silent_ms.max(0) / DAY_MS)
}

/// Minutes since both sides were last settled, or since the peer was last heard.
fn lag_minutes(facts: &Facts, peer: &PeerView) -> Option<u64> {
    let heard_s = || {
        let silent_ms = facts.now_ms.saturating_sub(peer.seen_ms?);
        u64::try_from(silent_ms / 1_000).ok()
    };
    Some(peer.lag_s.or_else(heard_s)? / 60)
}
