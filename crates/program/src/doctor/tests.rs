//! What brings each check about, and what it then says.

use std::collections::BTreeSet;

use domain::label::Language;
use store::{JournalBreak, PeerHeard};

use super::{Check, Facts, ROWS, checks, facts::Encryption, sentence};
use crate::{
    app::{OwnFacts, PeerView},
    config::DoctorConfig,
    output::Out,
    texts,
};

const NOW_MS: i64 = 1_602_720_000_000;
const DAY_MS: i64 = 24 * 3_600 * 1_000;

fn heard() -> PeerHeard {
    PeerHeard {
        at_ms: NOW_MS,
        ahead_ms: -1_500,
        schema: 1,
        diagnosis: 1,
    }
}

/// A hub with nothing to complain of. (A node differs in what does not apply to it.)
fn sound() -> Facts {
    Facts {
        now_ms: NOW_MS,
        is_hub: true,
        schema: 1,
        peers: vec![PeerView {
            replica: "0123456789abcdef0123456789abcdef".to_owned(),
            name: "410305 Jianxi".to_owned(),
            state: "offline".to_owned(),
            lag_s: Some(90),
            equal: Some(true),
            is_expected: true,
            seen_ms: Some(NOW_MS - 90_000),
            heard: Some(heard()),
            ..PeerView::default()
        }],
        certificate_days: Some(60),
        own: OwnFacts {
            key_sealed: Some(true),
            open_ends: Some(Vec::new()),
            claims: Some(0),
            moves: Some(0),
            reviews: Some(0),
        },
        late: 0,
        ended_links: Some(0),
        orphans: Some(0),
        disk_free_mib: Some(50_000),
        memory_mib: Some(200),
        backup_ms: Some(NOW_MS - DAY_MS),
        ..Facts::default()
    }
}

fn unwell(facts: &Facts) -> Vec<Check> {
    let mut all = checks(facts, &DoctorConfig::default());
    all.retain(|check| !check.well);
    all
}

fn say(check: &Check, language: Language) -> String {
    sentence(check, &Out::new(false, language, 0, |_| {}))
}

/// What brings each row about: its name, and the change to facts that were sound. Where one accident
/// shows in several rows the others are named too.
type Case = (&'static str, &'static [&'static str], fn(&mut Facts));

const CASES: &[Case] = &[
    ("conflicts", &[], |facts| facts.conflicts = 2),
    ("refused", &[], |facts| facts.refused = 3),
    ("quarantined", &[], |facts| facts.quarantined = 1),
    ("certificate", &[], |facts| {
        facts.certificate_days = Some(20);
    }),
    ("pending", &[], |facts| facts.peers[0].pending = 5),
    ("unequal", &[], |facts| facts.peers[0].equal = Some(false)),
    ("key_unsealed", &[], |facts| {
        facts.own.key_sealed = Some(false);
    }),
    ("clock_skew", &[], |facts| said(facts).ahead_ms = -61_000),
    ("line", &[], |facts| {
        facts.peers[0].failure = Some("no route".to_owned());
    }),
    ("not_seen", &[], |facts| silent(facts, 7)),
    ("lag", &["pending"], |facts| {
        facts.peers[0].pending = 5;
        facts.peers[0].lag_s = Some(3_600);
    }),
    ("storm", &[], |facts| {
        facts.storms = vec![("a@b".to_owned(), 300)];
    }),
    ("disk", &[], |facts| facts.disk_free_mib = Some(10_239)),
    ("memory", &[], |facts| facts.memory_mib = Some(1_025)),
    ("damage", &[], |facts| {
        facts.damage = vec!["record 5".to_owned()];
    }),
    ("journal_gap", &[], |facts| {
        facts.breaks = vec![JournalBreak {
            incarnation: replica::Incarnation(7),
            from: 3,
            to: 9,
        }];
    }),
    ("clone", &["line"], |facts| {
        facts.peers[0].failure = Some("SYNC-110".to_owned());
    }),
    ("restored", &[], |facts| {
        said(facts).diagnosis = 3;
        facts.peers[0].equal = None;
    }),
    ("forgotten", &[], |facts| facts.restored = true),
    ("refilling", &[], |facts| {
        facts.refilling = vec![facts.peers[0].replica.clone()];
    }),
    ("fence_due", &["not_seen"], |facts| silent(facts, 180)),
    ("schema_behind", &[], |facts| said(facts).schema = 2),
    ("peer_schema_behind", &[], |facts| facts.schema = 2),
    ("backup_age", &[], |facts| {
        facts.backup_ms = Some(NOW_MS - 2 * DAY_MS);
    }),
    ("no_backup", &[], |facts| facts.backup_ms = None),
    ("lost_writes", &[], |facts| facts.missing = 1),
    ("erased_files", &[], |facts| facts.rewrite_due = true),
    ("encryption", &[], |facts| {
        facts.encryption = Encryption::Partly;
    }),
    ("open_ends", &[], |facts| {
        facts.own.open_ends = Some(vec!["410306".to_owned()]);
    }),
    ("claims", &[], |facts| facts.own.claims = Some(1)),
    ("moves", &[], |facts| facts.own.moves = Some(2)),
    ("late_writes", &[], |facts| facts.late = 3),
    ("ended_links", &[], |facts| facts.ended_links = Some(2)),
    ("reviews", &[], |facts| facts.own.reviews = Some(1)),
    ("orphans", &[], |facts| facts.orphans = Some(2)),
    ("accounts", &[], |facts| {
        facts.accounts.waiting = vec!["clerk".to_owned()];
    }),
];

fn said(facts: &mut Facts) -> &mut PeerHeard {
    facts.peers[0].heard.as_mut().unwrap()
}

fn silent(facts: &mut Facts, days: i64) {
    facts.peers[0].seen_ms = Some(NOW_MS - days * DAY_MS);
    facts.peers[0].lag_s = None;
}

#[test]
fn sound_facts_bring_no_row_about() {
    assert!(unwell(&sound()).is_empty(), "{:?}", unwell(&sound()));
    let all = checks(&sound(), &DoctorConfig::default());
    let shown: BTreeSet<_> = all.iter().map(|check| check.name).collect();
    let rows: BTreeSet<_> = ROWS.iter().map(|row| row.name).collect();
    assert_eq!(shown, rows, "every row is shown, also when all is well");
}

#[test]
fn each_row_is_brought_about_by_its_fact_alone() {
    let tried: Vec<_> = CASES.iter().map(|(name, ..)| *name).collect();
    let rows: Vec<_> = ROWS.iter().map(|row| row.name).collect();
    assert_eq!(tried, rows, "a row without a case, or out of order");
    for (name, also, change) in CASES {
        let mut facts = sound();
        change(&mut facts);
        let found: BTreeSet<_> = unwell(&facts).iter().map(|check| check.name).collect();
        let mut wanted: BTreeSet<_> = also.iter().copied().collect();
        wanted.insert(*name);
        assert_eq!(found, wanted, "{name}");
    }
}

#[test]
fn each_row_has_a_sentence_in_both_languages_and_for_both_ends() {
    for (name, _, change) in CASES {
        let mut facts = sound();
        change(&mut facts);
        for check in unwell(&facts) {
            assert!(texts::has(check.code), "{name}: {}", check.code);
            for language in [Language::Zh, Language::En] {
                let text = say(&check, language);
                assert!(!text.contains('{'), "{name}: a fact is missing in {text}");
            }
        }
    }
    for check in checks(&sound(), &DoctorConfig::default()) {
        let text = texts::well(check.code, Language::En);
        assert_ne!(
            text, "all is well",
            "{} has no sentence for all is well",
            check.code
        );
    }
}

/// All three are well; what they say differs.
#[test]
fn of_the_key_it_is_said_where_it_lies() {
    let said = |encryption| {
        let facts = Facts {
            encryption,
            ..sound()
        };
        assert!(unwell(&facts).is_empty());
        let all = checks(&facts, &DoctorConfig::default());
        let check = all.into_iter().find(|check| check.name == "encryption");
        say(&check.unwrap(), Language::En)
    };
    assert!(said(Encryption::None).contains("not encrypted"));
    assert!(said(Encryption::KeyBeside).contains("beside"));
    assert!(said(Encryption::KeyElsewhere).contains("elsewhere"));
}

#[test]
fn a_clone_is_also_known_from_what_the_hub_has_noted() {
    let mut facts = sound();
    facts.clones = vec![facts.peers[0].replica.clone()];
    let found: Vec<_> = unwell(&facts).iter().map(|check| check.name).collect();
    assert_eq!(found, ["clone"]);
}

#[test]
fn a_fenced_node_is_not_due_again() {
    let mut facts = sound();
    silent(&mut facts, 400);
    facts.fenced = vec![facts.peers[0].replica.clone()];
    let found: Vec<_> = unwell(&facts).iter().map(|check| check.name).collect();
    assert_eq!(found, ["not_seen"]);
}

#[test]
fn thresholds_are_those_of_the_settings() {
    let mut facts = sound();
    facts.disk_free_mib = Some(5);
    facts.memory_mib = Some(9_000);
    silent(&mut facts, 100);
    facts.backup_ms = Some(NOW_MS - 50 * DAY_MS);
    said(&mut facts).ahead_ms = 100_000;
    let lenient = DoctorConfig {
        not_seen_days: 101,
        clock_skew_s: 100,
        disk_free_mib: 5,
        memory_mib: 9_000,
        backup_days: 51,
        ..DoctorConfig::default()
    };
    let found = checks(&facts, &lenient);
    assert!(found.iter().all(|check| check.well), "{found:?}");
}

#[test]
fn a_revoked_node_and_a_connected_one_are_not_missed() {
    let mut facts = sound();
    silent(&mut facts, 400);
    facts.peers[0].is_expected = false;
    assert!(unwell(&facts).is_empty());
    facts.peers[0].is_expected = true;
    facts.peers[0].state = "connected".to_owned();
    assert!(unwell(&facts).is_empty());
}

#[test]
fn what_does_not_apply_to_a_node_is_not_shown() {
    let mut facts = sound();
    (facts.is_hub, facts.own) = (false, OwnFacts::default());
    silent(&mut facts, 400);
    let found = checks(&facts, &DoctorConfig::default());
    let shown: BTreeSet<_> = found.iter().map(|check| check.name).collect();
    assert!(
        !shown.contains("fence_due")
            && !shown.contains("key_unsealed")
            && !shown.contains("claims")
    );
    assert!(shown.contains("not_seen"));
}

#[test]
fn a_copy_is_told_which_to_stop_and_not_to_check_the_line() {
    let mut facts = sound();
    facts.peers[0].failure = Some("SYNC-140".to_owned());
    let found = unwell(&facts);
    let names: Vec<_> = found.iter().map(|check| check.name).collect();
    assert_eq!(names, ["clone"]);
    assert!(say(&found[0], Language::En).contains("stop the one too many"));
}

/// The hub said of itself that "the hub is reached", while `status` called its node unreachable.
#[test]
fn what_is_well_with_a_peer_names_it_and_says_the_state_of_status() {
    let mut facts = sound();
    facts.peers[0].seen_ms = Some(NOW_MS);
    let line = |facts: &Facts, language| {
        let all = checks(facts, &DoctorConfig::default());
        let check = all.into_iter().find(|check| check.name == "line").unwrap();
        say(&check, language)
    };
    assert_eq!(
        line(&facts, Language::En),
        "410305 Jianxi: not connected, last heard at 2020-10-15 08:00:00"
    );
    facts.peers[0].state = "connected".to_owned();
    assert_eq!(
        line(&facts, Language::Zh),
        "410305 Jianxi：已连接，最近联系 2020-10-15 08:00:00"
    );
    for check in checks(&facts, &DoctorConfig::default()) {
        let is_of_peer = check.facts.iter().any(|(name, _)| *name == "peer");
        let text = say(&check, Language::En);
        assert_eq!(text.contains("410305 Jianxi"), is_of_peer, "{text}");
    }
}

/// A restored node was told that it fetches from nodes, with the hub as one, and to fence it.
#[test]
fn a_restored_node_waits_for_the_city_and_is_not_told_to_fence() {
    let mut facts = sound();
    facts.refilling = vec![facts.peers[0].replica.clone()];
    let said = |facts: &Facts, language| {
        let found = unwell(facts);
        assert_eq!(found[0].code, "DOCTOR-026");
        say(&found[0], language)
    };
    assert!(said(&facts, Language::Zh).contains("node fence"));
    (facts.is_hub, facts.own) = (false, OwnFacts::default());
    facts.peers[0].name = "hub https://10.1.2.3:7443".to_owned();
    for (language, waits) in [
        (Language::Zh, "等待市级交回"),
        (Language::En, "waits for the city to give back"),
    ] {
        let text = said(&facts, language);
        assert!(
            text.contains(waits) && text.contains("sync --once"),
            "{text}"
        );
        assert!(
            !text.contains("fence") && !text.contains("10.1.2.3"),
            "{text}"
        );
    }
}

/// The hub's own administrator was told to ask the city's administrator.
#[test]
fn of_a_difference_each_side_is_told_what_it_can_do() {
    let mut facts = sound();
    facts.peers[0].equal = Some(false);
    let said = |facts: &Facts| say(&unwell(facts)[0], Language::Zh);
    let at_hub = said(&facts);
    assert!(at_hub.contains("quarantine list"), "{at_hub}");
    assert!(!at_hub.contains("市级管理员"), "{at_hub}");
    (facts.is_hub, facts.own) = (false, OwnFacts::default());
    assert!(said(&facts).contains("请联系市级管理员"));
}
