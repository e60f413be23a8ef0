//! Two districts and their city, and what tests between them make.

use serde_json::{Value, json};
use tests::programs::Program;

use crate::e2e::city::{City, District, settle};

/// A city with Jianxi and Laocheng, both settled.
pub(super) struct Two {
    pub(super) city: City,
    pub(super) jianxi: District,
    pub(super) laocheng: District,
}

impl Two {
    pub(super) fn open() -> Self {
        Self::of(City::open())
    }

    /// The same without encryption.
    pub(super) fn open_plain() -> Self {
        Self::of(City::open_plain())
    }

    fn of(mut city: City) -> Self {
        let jianxi = city.jianxi();
        let laocheng = city.district("410302", "老城区", "laocheng");
        let two = Self {
            city,
            jianxi,
            laocheng,
        };
        two.settle();
        two
    }

    /// Exchanges until nothing of one district is missing at the city or at the other.
    #[track_caller]
    pub(super) fn settle(&self) {
        for _ in 0..2 {
            settle(&self.jianxi.node);
            settle(&self.laocheng.node);
        }
    }

    pub(super) fn hub(&self) -> &Program {
        &self.city.hub
    }
}

/// Makes an organisation. Returns its id.
#[track_caller]
pub(super) fn make(program: &Program, values: &Value) -> String {
    made(program, "organisation", values)
}

/// Makes a record. Returns its id.
#[track_caller]
pub(super) fn made(program: &Program, kind: &str, values: &Value) -> String {
    program.make(kind, values)
}

/// A complete organisation.
pub(super) fn sample(code: &str, name: &str) -> Value {
    json!({
        "uscc": code, "name": name, "org_class": "new_economic", "org_kind": "private_enterprise",
        "industry": "C", "operating_status": "operating", "census_status": "counted",
        "verified_on": "2026-09-30", "employees": 30, "members": 4, "full_members": 4, "as_of": "2026-09-30",
        "eligibility": "eligible", "source": "manual",
    })
}

/// A code whose check characters hold.
pub(super) const CODE: &str = "91410305DEM1FYRA54";

/// Another code whose check characters hold.
pub(super) fn other_code() -> String {
    let vectors = std::fs::read_to_string(crate::e2e::city::data("uscc_vectors.csv")).unwrap();
    let mut valid = vectors.lines().skip(1).filter_map(|row| {
        let code = row.split(',').find(|cell| cell.len() == 18)?;
        domain::uscc::check(code).is_ok().then(|| code.to_owned())
    });
    valid.find(|code| code != CODE).unwrap()
}

/// Where a record belongs, as a program sees it.
#[track_caller]
pub(super) fn scope_of(program: &Program, kind: &str, id: &str) -> Value {
    program.json(["record", "get", kind, id])["scope"].clone()
}
