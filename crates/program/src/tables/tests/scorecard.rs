//! The scorecard over the small city: lights, trend, age.

use domain::label::Language;
use link::{BundleKeys, BundleRoute, BundleSender, Holdings};
use proto::stored::Certificate;
use replica::{ReplicaId, ScopeId};
use serde_json::{Value, json};
use store::Status;

use super::{
    data::{Data, city, district},
    row, table,
};
use crate::{
    app::{App, Compared, Enrolled, Live, OwnFacts, PeerView},
    commands::bundle::{BundlePeer, Bundles},
    failure::Failure,
    records::testing::{Alone, PEER, printed, save},
    repair::compare::Asking,
    tables::{Name, Request, report, terminal},
};

const HOUR_MS: i64 = 3_600_000;
/// The day of the tests.
const NOW_MS: i64 = 1_602_720_000_000;

/// One peer, of 410305, and how many hours ago it was heard.
struct Heard(i64);

impl Heard {
    fn hours(hours: i64) -> Self {
        Self(hours)
    }

    fn days(days: i64) -> Self {
        Self(days * 24)
    }
}

impl Bundles for Heard {
    fn route(
        &self,
        app: &App,
        peer: Option<&str>,
        passphrase: Option<&str>,
    ) -> Result<(BundlePeer, BundleRoute), Failure> {
        Alone.route(app, peer, passphrase)
    }

    fn keys(&self, app: &App, passphrase: Option<&str>) -> Result<BundleKeys, Failure> {
        Alone.keys(app, passphrase)
    }

    fn sender(&self, app: &App, sender: &BundleSender) -> Result<BundlePeer, Failure> {
        Alone.sender(app, sender)
    }

    fn note(&self, app: &App, sender: &BundleSender) -> Result<(), Failure> {
        Alone.note(app, sender)
    }
}

impl Live for Heard {
    fn peers(&self, _app: &App, _status: &Status) -> Vec<PeerView> {
        vec![PeerView {
            replica: PEER.to_string(),
            seen_ms: Some(NOW_MS - self.0 * HOUR_MS),
            ..PeerView::default()
        }]
    }

    fn enrolled(&self, _app: &App) -> Enrolled {
        let replicas: Vec<(ReplicaId, ScopeId)> = vec![(PEER, domain::scope_id("410305"))];
        Enrolled {
            replicas,
            ..Enrolled::default()
        }
    }

    fn certificate_days(&self, app: &App) -> Option<i64> {
        Alone.certificate_days(app)
    }

    fn compare(&self, app: &App) -> Vec<Compared> {
        Alone.compare(app)
    }

    fn certify(&self, app: &App) -> Result<Certificate, Failure> {
        Alone.certify(app)
    }

    fn holdings(asking: &Asking<'_>) -> Option<Result<Holdings, Failure>> {
        Alone::holdings(asking)
    }

    fn own_facts(&self, app: &App) -> OwnFacts {
        Alone.own_facts(app)
    }
}

fn card<L: Live>(app: &App, live: &L) -> Value {
    let report = report(app, live, Name::Scorecard, &Request::default()).unwrap();
    let document = report.json(Language::En);
    table(&document, "scorecard").clone()
}

/// Freezes a figure of a quarter.
fn freeze(app: &App, (scope, period): (&str, &str), indicator: &str, (num, den): (u32, u32)) {
    let mut data = Data::new(app);
    data.add(
        "indicator_snapshot",
        "",
        scope,
        json!({ "scope": scope, "period": period, "indicator": indicator, "num": num,
            "den": den, "definition": domain::indicator::EDITION }),
    );
    data.write();
}

#[test]
fn figures_have_lights_by_the_lines_and_move_since_the_quarter_before() {
    let world = city();
    // 2020-10-15: the quarter before is the third; the second says nothing of the trend.
    let app = &world.app;
    freeze(app, ("410305", "2020Q3"), "org_coverage_rate", (2, 8));
    freeze(app, ("410305", "2020Q2"), "training_head", (2, 2));
    freeze(app, ("410300", "2020Q3"), "org_coverage_rate", (5, 8));
    // By another edition of the definitions: nothing of today is compared with it.
    let mut data = Data::new(app);
    let other = json!({ "scope": "410302", "period": "2020Q3", "num": 1, "den": 8,
        "indicator": "org_coverage_rate", "definition": "2019.1" });
    data.add("indicator_snapshot", "", "410302", other);
    data.write();
    let card = card(app, &Heard::days(1));
    let jianxi = row(&card, "scope", "410305");
    assert_eq!(
        jianxi["org_coverage_rate"],
        json!({ "num": 4, "den": 8, "pct": "50.0", "target_pct": 60, "close_pct": 40,
            "light": "close", "trend": "+25.0" })
    );
    // One of two heads was trained.
    assert_eq!(jianxi["training_head"]["light"], "missed");
    assert_eq!(jianxi["training_head"]["trend"], Value::Null);
    assert_eq!(jianxi["training_secretary"]["light"], "met");
    let quota = |name: &str| jianxi[name].clone();
    assert_eq!(
        quota("trainings_held"),
        json!({ "held": 1, "quota": 1, "light": "met" })
    );
    assert_eq!(
        quota("seminars_held"),
        json!({ "held": 0, "quota": 1, "light": "missed" })
    );
    let laocheng = row(&card, "scope", "410302");
    assert_eq!(laocheng["org_coverage_rate"]["light"], "met");
    assert_eq!(laocheng["org_coverage_rate"]["trend"], Value::Null);
    // Nobody there is to be trained: neither met nor missed.
    assert_eq!(laocheng["training_head"]["light"], "not_applicable");
    // Each credit code once, and no mean of 50 and 100.
    let all = &card["total"];
    let pooled = &all["org_coverage_rate"];
    assert_eq!((&pooled["num"], &pooled["den"]), (&json!(4), &json!(8)));
    assert_eq!(pooled["trend"], "-12.5");
    assert_eq!(
        all["trainings_held"],
        json!({ "held": 1, "quota": 2, "light": "missed" })
    );
}

#[test]
fn what_is_stale_says_so_in_its_row_and_in_that_of_the_city() {
    let world = city();
    let app = &world.app;
    let seen = |days: i64| {
        let card = card(app, &Heard::days(days));
        let jianxi = row(&card, "scope", "410305").clone();
        (jianxi["data_as_of"].clone(), jianxi["age"].clone())
    };
    assert_eq!(seen(30), (json!("2020-09-15"), json!("fresh")));
    assert_eq!(seen(31), (json!("2020-09-14"), json!("stale")));
    let card = card(app, &Heard::days(1));
    assert_eq!(row(&card, "scope", "410302")["age"], "never");
    assert_eq!(
        (&card["total"]["age"], &card["total"]["data_as_of"]),
        (&json!("stale"), &Value::Null)
    );
    let mut year = domain::parameters::programme_year_json(2020);
    year.insert("stale_days".to_owned(), json!(40));
    save(app, "programme_year", None, &Value::Object(year), None).unwrap();
    assert_eq!(seen(40).1, "fresh", "as the year says");
    let report = report(app, &Heard::days(50), Name::Scorecard, &Request::default()).unwrap();
    let (text, _) = printed(false, |out| {
        terminal(&report, out);
        Ok(())
    });
    assert!(text.contains("⚠ 50 days without an exchange"), "{text}");
    assert!(
        text.contains("4/8 50.0% ") && text.contains("△ close "),
        "{text}"
    );
    assert!(
        text.contains("2 scopes without a recent exchange"),
        "{text}"
    );
}

#[test]
fn the_year_chooses_the_reading_of_work_coverage_and_a_district_makes_its_own_card() {
    let world = district();
    let app = &world.app;
    let own = card(app, &Heard::days(90));
    let jianxi = row(&own, "scope", "410305");
    assert_eq!(own["rows"].as_array().unwrap().len(), 1);
    assert_eq!(own["total"], Value::Null);
    // What is entered here is never stale here.
    assert_eq!(jianxi["age"], "own");
    assert!(jianxi["work_coverage_rate"].is_object());
    assert_eq!(jianxi["work_coverage_broad_rate"], Value::Null);
    let mut year = domain::parameters::programme_year_json(2020);
    year.insert("work_coverage_mode".to_owned(), json!("broad"));
    let mut data = Data::new(app);
    data.add("programme_year", "", "410300", Value::Object(year));
    data.write();
    let own = card(app, &Heard::days(90));
    let jianxi = row(&own, "scope", "410305");
    assert!(jianxi["work_coverage_broad_rate"].is_object(), "{own}");
    assert_eq!(jianxi["work_coverage_rate"], Value::Null);
}

#[test]
fn the_time_since_an_exchange_is_said_in_hours_below_a_day() {
    let world = city();
    let app = &world.app;
    let ask = |hours: i64, scope: Option<&str>| {
        let request = crate::report::Request {
            scope: scope.map(str::to_owned),
            ..crate::report::Request::default()
        };
        let live = Heard::hours(hours);
        let traced = crate::report::trace(app, &live, "sync_lag", &request, Language::En).unwrap();
        let (text, _) = printed(false, |out| {
            traced.print(9, out);
            Ok(())
        });
        (traced.json()["figure"]["minutes"].clone(), text)
    };
    let (minutes, text) = ask(5, Some("410305"));
    assert_eq!(minutes, json!(300));
    assert!(text.contains("Since the last exchange  5 h"), "{text}");
    assert_eq!(ask(50, None).0, json!(3_000), "of who has waited longest");
    assert_eq!(ask(5, Some("410302")).0, Value::Null, "never heard");
    let report = report(app, &Heard::hours(5), Name::Quality, &Request::default()).unwrap();
    let document = report.json(Language::En);
    let scopes = table(&document, "scopes");
    assert_eq!(row(scopes, "scope", "410305")["lag_minutes"], json!(300));
    let (text, _) = printed(false, |out| {
        terminal(&report, out);
        Ok(())
    });
    assert!(text.contains(" 5 h "), "{text}");
}
