//! Sample records for tests and benchmarks: organisations with twenty fields.

use bytes::Bytes;
use domain::{Catalogue, NoResolve, value};
use replica::{Edit, Kind, RecordId, RecordKey, RegisterId, ScopeId, Set, Shown, Source};
use serde_json::{Map, Value, json};

/// The number of the kind `organisation`.
pub const ORGANISATION: Kind = Kind(5);

/// The id of sample organisation `n` of a scope.
#[must_use]
pub fn id_of(scope: ScopeId, n: u64) -> RecordId {
    let mut bytes = [0; 16];
    let (time, rest) = bytes.split_at_mut(8);
    // The shape of a UUIDv7: ids made one after the other lie one after the other.
    time.copy_from_slice(&(0x0199_0000_0000_7000_u64 + (n << 16)).to_be_bytes());
    let hash = blake3::hash(&[&scope.0[..], &n.to_le_bytes()].concat());
    rest.iter_mut()
        .zip(hash.as_bytes())
        .for_each(|(to, from)| *to = *from);
    RecordId(bytes)
}

/// The values of sample organisation `n`.
#[must_use]
pub fn values_of(n: u64) -> Map<String, Value> {
    let employees = 10 + n % 190;
    let members = n % 9;
    let object = json!({
        "name": format!("涧西样本{n:06}机械制造有限公司（演示）"),
        "org_class": "new_economic",
        "org_kind": "private_enterprise",
        "industry": "C",
        "town": "410305001",
        "registered_address": format!("涧西示例路{}号", n % 500),
        "operating_address": format!("涧西示例路{}号{}室", n % 500, n % 30),
        "registered_on": format!("20{:02}-{:02}-{:02}", n % 20, 1 + n % 12, 1 + n % 28),
        "operating_status": "operating",
        "census_status": "counted",
        "verified_on": "2020-09-30",
        "on_scale": n.is_multiple_of(3),
        "employees": employees,
        "members": members,
        "full_members": members,
        "as_of": "2020-09-30",
        "mass_orgs": ["union"],
        "eligibility": if members > 2 { "eligible" } else { "not_eligible" },
        "source": "file",
        "remark": "样本数据：统一社会信用代码待核",
    });
    match object {
        Value::Object(values) => values,
        _ => Map::new(),
    }
}

/// The edit that makes sample organisation `n`.
///
/// # Panics
/// When the sample does not fit the schema.
#[must_use]
pub fn make(scope: ScopeId, n: u64) -> Edit {
    let catalogue = Catalogue::builtin();
    let kind = catalogue
        .kind(ORGANISATION)
        .expect("the schema has organisations");
    let nothing = |_register| Bytes::new();
    let set = value::edits_from_json(catalogue, kind, &nothing, &values_of(n), &NoResolve)
        .expect("the sample fits the schema");
    edit(
        scope,
        n,
        set.into_iter().map(|e| (e.register, e.value, Vec::new())),
    )
}

/// An edit of one text register: the remark.
#[must_use]
pub fn remark(scope: ScopeId, n: u64, text: &str, shown: Vec<Shown>) -> Edit {
    let catalogue = Catalogue::builtin();
    let field = catalogue
        .kind(ORGANISATION)
        .and_then(|kind| kind.field("remark"));
    let number = field.map_or(1, |field| field.number);
    let mut value = Vec::new();
    prost::encoding::string::encode(number, &text.to_owned(), &mut value);
    edit(scope, n, [(RegisterId(number), Bytes::from(value), shown)])
}

/// The register of the remark.
#[must_use]
pub fn remark_register() -> RegisterId {
    let field = Catalogue::builtin()
        .kind(ORGANISATION)
        .and_then(|kind| kind.field("remark"));
    field.map_or(RegisterId(1), |field| field.register)
}

fn edit(
    scope: ScopeId,
    n: u64,
    set: impl IntoIterator<Item = (RegisterId, Bytes, Vec<Shown>)>,
) -> Edit {
    Edit {
        key: RecordKey {
            kind: ORGANISATION,
            id: id_of(scope, n),
        },
        scope,
        set: set
            .into_iter()
            .map(|(register, value, shown)| Set {
                register,
                value,
                shown,
            })
            .collect(),
        author: "clerk@410305-bench".to_owned(),
        reason: "census".to_owned(),
        source: Source::Import,
        decision: Bytes::new(),
    }
}
