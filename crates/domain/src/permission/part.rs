//! In which town, industry and park a record lies: its own organisation says it, or its cluster.

use replica::{RecordId, RecordKey};
use serde_json::{Map, Value as Json};

use super::Part;
use crate::{
    across,
    catalogue::{Catalogue, KindSpec},
    value,
};

/// Steps from a record to its organisation: an activity, its carrier, the Party organisation, the
/// organisation. More is a circle.
const STEPS_MAX: usize = 6;

/// Fields that lead to the organisation, where the record's parent does not.
const LEADS: &[&str] = &["host_organisation", "subject", "party_organisation"];

/// Where a record lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The code of the town.
    pub town: Option<String>,
    /// The letter of the industry.
    pub industry: Option<String>,
    /// The industry authority.
    pub authority: Option<RecordId>,
    /// The cluster.
    pub cluster: Option<RecordId>,
    /// The organisation.
    pub organisation: Option<RecordId>,
    /// Of a task: who leads it.
    pub lead: Option<RecordId>,
}

impl Place {
    /// Whether it lies in a part.
    #[must_use]
    pub fn is_in(&self, part: &Part) -> bool {
        match part {
            Part::Town(town) => self.town.as_ref() == Some(town),
            Part::Industry(letter) => self.industry.as_ref() == Some(letter),
            Part::Agency(agency) => [self.authority, self.lead].contains(&Some(*agency)),
            Part::Park(cluster) => self.cluster == Some(*cluster),
            Part::Care(care) => {
                let organisation = self.organisation.as_ref();
                organisation.is_some_and(|id| care.organisations.contains(id))
            }
        }
    }
}

/// Finds where a record with these values lies. `look` gives the values of another record. None where
/// nothing leads to an organisation or a cluster.
///
/// # Errors
/// Those of `look`.
pub fn place<E>(
    catalogue: &Catalogue,
    (key, values): (RecordKey, &[u8]),
    look: &dyn Fn(RecordKey) -> Result<Option<Vec<u8>>, E>,
) -> Result<Option<Place>, E> {
    let (mut key, mut values) = (key, values.to_vec());
    for _ in 0..STEPS_MAX {
        let Some(kind) = catalogue.kind(key.kind) else {
            return Ok(None);
        };
        let json = value::to_json(kind, &values);
        match kind.id.as_str() {
            "organisation" => return Ok(Some(of_organisation(key.id, &json))),
            "cluster" => {
                return Ok(Some(Place {
                    cluster: Some(key.id),
                    ..Place::default()
                }));
            }
            "task_item" => {
                return Ok(Some(Place {
                    lead: id(&json, "lead"),
                    ..Place::default()
                }));
            }
            _ => {}
        }
        let Some(next) = lead(catalogue, kind, &values) else {
            return Ok(None);
        };
        let Some(found) = look(next)? else {
            return Ok(None);
        };
        (key, values) = (next, found);
    }
    Ok(None)
}

fn of_organisation(id: RecordId, json: &Map<String, Json>) -> Place {
    let text = |field: &str| json.get(field).and_then(Json::as_str).map(str::to_owned);
    Place {
        town: text("town"),
        industry: text("industry"),
        authority: self::id(json, "industry_authority"),
        cluster: self::id(json, "cluster"),
        organisation: Some(id),
        lead: None,
    }
}

fn id(json: &Map<String, Json>, field: &str) -> Option<RecordId> {
    let text = json.get(field)?.as_str()?;
    let id = uuid::Uuid::try_parse(text).ok()?;
    Some(RecordId(id.into_bytes()))
}

/// The record that leads on: the parent, else what one of these fields names.
fn lead(catalogue: &Catalogue, kind: &KindSpec, values: &[u8]) -> Option<RecordKey> {
    if kind.parent.is_some() {
        return across::parent_of_values(catalogue, kind, values);
    }
    let references = across::references(catalogue, kind, values);
    LEADS.iter().find_map(|name| {
        let found = references.iter().find(|(field, _)| field.id == *name);
        found.map(|(_, key)| *key)
    })
}
