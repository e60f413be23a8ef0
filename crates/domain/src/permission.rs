//! Roles: who may write what, and do what beside.
//!
//! One readable table (`permission/table.rs`) and functions that ask it. It stands beside the authority of the
//! schema ([`crate::authority`]), which says what a district and the city may write at all; a role
//! never gives more than that. Nothing here knows accounts: a [`Grant`] is what an account was
//! given, and what an answer needs beside it comes in as an argument.

mod few;
mod mask;
mod part;
mod table;

use bytes::Bytes;
use replica::{Record, RecordId, RegisterId};

use crate::{
    authority::{Purpose, registered, status},
    catalogue::KindSpec,
    date::Date,
    validate::comes_as_it_stands,
};

pub use few::{counts_members, few, is_few, reads_few, suppress};
pub use mask::{Mask, is_masked, masked, masked_name, masks};
pub use part::{Place, place};
pub use table::{GROUPS, Group, RIGHTS};

/// What a person was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks after the city's program, its nodes and its people.
    CityAdmin,
    /// Does the city's work.
    CityEditor,
    /// Checks on the spot for the city.
    CityInspector,
    /// Reads at the city.
    CityViewer,
    /// Looks after the district's program and its people.
    DistrictAdmin,
    /// Does the district's work.
    DistrictEditor,
    /// Approves for the district.
    DistrictReviewer,
    /// Fills in for a town.
    TownEditor,
    /// Fills in for an industry.
    IndustryEditor,
    /// Fills in for a park.
    ParkEditor,
    /// Decides conflicts.
    Resolver,
    /// Reads what was done.
    Auditor,
    /// Unattended work at a node.
    NodeService,
    /// Unattended work at the hub.
    HubService,
}

impl Role {
    /// All of them, in the order of the columns of the table.
    pub const ALL: [Self; 14] = [
        Self::CityAdmin,
        Self::CityEditor,
        Self::CityInspector,
        Self::CityViewer,
        Self::DistrictAdmin,
        Self::DistrictEditor,
        Self::DistrictReviewer,
        Self::TownEditor,
        Self::IndustryEditor,
        Self::ParkEditor,
        Self::Resolver,
        Self::Auditor,
        Self::NodeService,
        Self::HubService,
    ];

    const fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::CityAdmin => ("city_admin", "市级管理员", "City administrator"),
            Self::CityEditor => ("city_editor", "市级业务员", "City officer"),
            Self::CityInspector => ("city_inspector", "市级检查组", "City inspector"),
            Self::CityViewer => ("city_viewer", "市级查看", "City viewer"),
            Self::DistrictAdmin => ("district_admin", "县区管理员", "District administrator"),
            Self::DistrictEditor => ("district_editor", "县区业务员", "District officer"),
            Self::DistrictReviewer => ("district_reviewer", "县区审核人", "District reviewer"),
            Self::TownEditor => ("town_editor", "乡镇(街道)填报员", "Town editor"),
            Self::IndustryEditor => ("industry_editor", "行业部门填报员", "Industry officer"),
            Self::ParkEditor => ("park_editor", "园区填报员", "Park officer"),
            Self::Resolver => ("resolver", "冲突处理员", "Conflict resolver"),
            Self::Auditor => ("auditor", "审计员", "Auditor"),
            Self::NodeService => ("node_service", "节点服务", "Node service identity"),
            Self::HubService => ("hub_service", "中心服务", "Hub service identity"),
        }
    }

    /// Its name in commands.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.texts().0
    }

    /// In Chinese.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        self.texts().1
    }

    /// In English.
    #[must_use]
    pub const fn en(self) -> &'static str {
        self.texts().2
    }

    /// The role with a name.
    #[must_use]
    pub fn named(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id() == id)
    }

    /// Whether it is given at the hub, or else at a node.
    #[must_use]
    pub const fn is_given(self, at_hub: bool) -> bool {
        match self {
            Self::CityAdmin
            | Self::CityEditor
            | Self::CityInspector
            | Self::CityViewer
            | Self::HubService => at_hub,
            Self::DistrictAdmin
            | Self::DistrictEditor
            | Self::DistrictReviewer
            | Self::TownEditor
            | Self::ParkEditor
            | Self::NodeService => !at_hub,
            Self::IndustryEditor | Self::Resolver | Self::Auditor => true,
        }
    }

    /// Whether an account of the role stands for this part of a scope, or for none.
    #[must_use]
    pub const fn fits(self, part: Option<&Part>) -> bool {
        match self {
            Self::TownEditor => matches!(part, Some(Part::Town(_))),
            Self::IndustryEditor => matches!(part, Some(Part::Industry(_) | Part::Agency(_))),
            Self::ParkEditor => matches!(part, Some(Part::Park(_))),
            Self::DistrictEditor => matches!(part, None | Some(Part::Care(_))),
            _ => part.is_none(),
        }
    }

    fn column(self) -> usize {
        Self::ALL
            .iter()
            .position(|role| *role == self)
            .unwrap_or_default()
    }

    /// Whether it looks after the accounts.
    #[must_use]
    pub fn manages(self) -> bool {
        has(self, Right::Users)
    }
}

/// The part of a scope that an account stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A town, by its code.
    Town(String),
    /// An industry, by its letter.
    Industry(String),
    /// The organisations of an industry authority, and the tasks that it leads.
    Agency(RecordId),
    /// A cluster with its platform.
    Park(RecordId),
    /// Organisations in the care of another scope.
    Care(Care),
}

/// Organisations that another scope was trusted with (托管, domain 7.1). They stay where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Care {
    /// The organisations.
    pub organisations: Vec<RecordId>,
    /// The code of the scope that cares for them.
    pub scope: String,
    /// The last day.
    pub until: Date,
}

/// What an account was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// The part that it is bound to.
    pub part: Option<Part>,
}

impl Grant {
    fn cares(&self) -> bool {
        matches!(self.part, Some(Part::Care(_)))
    }

    /// The cell of a row: of care in trust only some are left of the role's.
    fn cell(&self, group: &Group) -> &'static str {
        match self.cares() {
            true if table::CARED.contains(&group.id) => "p",
            true => "-",
            false => group.cell(self.role),
        }
    }
}

/// What is done beside writing records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Reading records, lists, figures.
    Read,
    /// Filling in at all.
    Enter,
    /// Reading spreadsheets and files into records.
    Import,
    /// Writing records and figures to files.
    Export,
    /// Seeing personal data in full.
    Full,
    /// Seeing personal data of the city's own scope in full.
    Own,
    /// Seeing masked personal data in full for once, with a reason.
    Reveal,
    /// Deciding conflicts.
    Decide,
    /// Ruling claims and moves.
    Rule,
    /// Backups, sticks, certificates, what was held back.
    Operate,
    /// Inviting, revoking, fencing nodes; reforms.
    Nodes,
    /// Accounts.
    Users,
    /// The audit list.
    Audit,
}

impl Right {
    const fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Read => ("read", "查看", "read"),
            Self::Enter => ("enter", "填报", "fill in"),
            Self::Import => ("import", "导入", "import"),
            Self::Export => ("export", "导出", "export"),
            Self::Full => ("full", "个人信息不脱敏", "see personal data in full"),
            Self::Own => (
                "own",
                "本级个人信息不脱敏",
                "see personal data of the city's own scope in full",
            ),
            Self::Reveal => (
                "reveal",
                "说明理由查看完整信息",
                "reveal personal data with a reason",
            ),
            Self::Decide => ("decide", "裁决冲突", "decide conflicts"),
            Self::Rule => ("rule", "裁定归属", "rule claims and moves"),
            Self::Operate => ("operate", "备份与运维", "backups and operation"),
            Self::Nodes => ("nodes", "节点与区划", "nodes and reforms"),
            Self::Users => ("users", "账号", "accounts"),
            Self::Audit => ("audit", "操作日志", "audit list"),
        }
    }

    /// Its name for scripts.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.texts().0
    }

    /// In Chinese.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        self.texts().1
    }

    /// In English.
    #[must_use]
    pub const fn en(self) -> &'static str {
        self.texts().2
    }
}

/// Why the table does not let somebody do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The role has not the right.
    Right(Right),
    /// The role writes none of the kinds of a group.
    Kind(&'static Group),
    /// The role writes only some fields of the kind.
    Field(&'static Group),
    /// The role writes, but approves nothing.
    Approve(&'static Group),
    /// The role approves, but fills in nothing.
    OnlyApproves(&'static Group),
    /// The record lies outside of the part that the account stands for.
    Part(&'static Group),
}

impl Denied {
    /// Its stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Right(_) => "AUTH-103",
            Self::Kind(_) => "AUTH-104",
            Self::Field(_) => "AUTH-105",
            Self::Approve(_) => "AUTH-106",
            Self::OnlyApproves(_) => "AUTH-107",
            Self::Part(_) => "AUTH-108",
        }
    }
}

/// Whether a role has a right.
#[must_use]
pub fn has(role: Role, right: Right) -> bool {
    let row = RIGHTS.iter().find(|(of, _)| *of == right);
    row.and_then(|(_, cells)| cells.split_whitespace().nth(role.column())) == Some("x")
}

/// Asks for a right.
///
/// # Errors
/// The role has it not.
pub fn may(grant: &Grant, right: Right) -> Result<(), Denied> {
    if has(grant.role, right) && (!grant.cares() || table::CARE_RIGHTS.contains(&right)) {
        Ok(())
    } else {
        Err(Denied::Right(right))
    }
}

/// Whether a role sees the personal data of its own scope in full.
#[must_use]
pub fn sees_own(role: Role) -> bool {
    has(role, Right::Full) || has(role, Right::Own)
}

/// Whether a role sees the personal data of records of a kind in full, those of its own scope or of
/// another. Who was in the team of a visit those see who keep the city's visits.
#[must_use]
pub fn sees(role: Role, kind: &str, is_own: bool) -> bool {
    let is_team = kind == "acceptance_visit";
    let keeps = has(role, Right::Own) || reviews(role);
    has(role, Right::Full) || (is_own && has(role, Right::Own)) || (is_team && keeps)
}

/// Whether a role works on nominations that lie at the city: it needs to know whom they are about.
#[must_use]
pub fn reviews(role: Role) -> bool {
    group_of("acceptance_visit").cell(role).contains('w')
}

/// The row of a kind.
#[must_use]
pub fn group_of(kind: &str) -> &'static Group {
    let of = GROUPS.iter().find(|group| group.kinds.contains(&kind));
    let ledger = || GROUPS.iter().find(|group| group.id == "ledger");
    of.or_else(ledger).unwrap_or(&NOWHERE)
}

/// What nobody writes: there is always a ledger, so nothing is found here.
const NOWHERE: Group = Group {
    id: "",
    zh: "",
    en: "",
    kinds: &[],
    cells: "",
};

impl Group {
    /// The cell of a role.
    #[must_use]
    pub fn cell(&self, role: Role) -> &'static str {
        self.cells
            .split_whitespace()
            .nth(role.column())
            .unwrap_or("-")
    }
}

/// What somebody would write.
#[derive(Clone, Copy, Debug)]
pub struct Writing<'a> {
    /// The kind.
    pub kind: &'a KindSpec,
    /// The record as it is; none for one that is made.
    pub existing: Option<&'a Record>,
    /// The registers with their values; none where it is only asked whether anything may be.
    pub set: &'a [(RegisterId, Bytes)],
    /// Who writes, as the writes name them.
    pub author: &'a str,
}

/// Where a record lies, for accounts that stand for a part of the scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lies {
    /// Before the write; none for a record that is made, or that belongs to no place.
    pub before: Option<Place>,
    /// After it.
    pub after: Option<Place>,
    /// Whoever writes has entered something of it before.
    pub is_own: bool,
}

/// Whether it must be known where a record lies, before [`may_write`] can answer.
#[must_use]
pub fn is_bound(grant: &Grant, kind: &KindSpec) -> bool {
    matches!(grant.cell(group_of(&kind.id)), "p" | "f")
}

/// Asks whether somebody may write.
///
/// # Errors
/// Which rule of the table does not let them.
pub fn may_write(
    grant: &Grant,
    purpose: Purpose,
    writing: &Writing<'_>,
    lies: &Lies,
) -> Result<(), Denied> {
    if purpose == Purpose::Decision {
        let rights = [Right::Decide, Right::Rule, Right::Nodes];
        let decides = rights.iter().any(|right| may(grant, *right).is_ok());
        return if decides {
            Ok(())
        } else {
            Err(Denied::Right(Right::Decide))
        };
    }
    let group = group_of(&writing.kind.id);
    let cell = grant.cell(group);
    let is_asking = writing.set.is_empty();
    let approves = approves(writing);
    let writes = ["w", "p", "f"].iter().any(|mark| cell.contains(mark));
    if approves && !cell.contains('a') {
        let denied = if writes {
            Denied::Approve
        } else {
            Denied::Kind
        };
        return Err(denied(group));
    }
    if !writes {
        return match cell.contains('a') {
            true if approves || is_asking => Ok(()),
            true => Err(Denied::OnlyApproves(group)),
            false => Err(Denied::Kind(group)),
        };
    }
    if is_asking {
        return Ok(());
    }
    match cell {
        "p" => within(grant, writing, lies, group),
        "f" => some_fields(grant, writing, lies, group),
        _ => Ok(()),
    }
}

/// Whether a step that is written approves what stood before.
fn approves(writing: &Writing<'_>) -> bool {
    let Writing {
        kind,
        existing,
        set,
        author,
    } = *writing;
    let is_registrants = existing.is_some_and(|record| registered(kind, record, author));
    set.iter().any(|(id, value)| {
        let register = kind.register(*id);
        let machine = register.and_then(|register| register.machine.as_ref());
        let Some((register, machine)) = register.zip(machine) else {
            return false;
        };
        let Some(to) = status(kind, register, value) else {
            return false;
        };
        let standing = existing
            .map(|record| record.register(*id))
            .unwrap_or_default();
        let mut from = standing
            .iter()
            .filter_map(|known| status(kind, register, &known.value))
            .peekable();
        match from.peek() {
            None => machine.approves(None, to) && !comes_as_it_stands(kind),
            Some(_) => from.any(|from| {
                let is_office = machine.is_registrants(from, to) && !is_registrants;
                is_office || machine.approves(Some(from), to)
            }),
        }
    })
}

/// A record that is changed lies in the part before and after. People belong to no place: whoever
/// has entered one may change it.
fn within(
    grant: &Grant,
    writing: &Writing<'_>,
    lies: &Lies,
    group: &'static Group,
) -> Result<(), Denied> {
    let outside = Err(Denied::Part(group));
    if writing.kind.id == "person" {
        return match writing.existing.is_none() || lies.is_own {
            true => Ok(()),
            false => outside,
        };
    }
    let is_in = |place: &Option<Place>| {
        let place = place.as_ref().zip(grant.part.as_ref());
        place.is_some_and(|(place, part)| place.is_in(part))
    };
    let before = writing.existing.is_none() || is_in(&lies.before);
    if before && is_in(&lies.after) {
        Ok(())
    } else {
        outside
    }
}

/// Some fields of a record of the part; that of an authority comes into it by the field itself.
fn some_fields(
    grant: &Grant,
    writing: &Writing<'_>,
    lies: &Lies,
    group: &'static Group,
) -> Result<(), Denied> {
    let opened = table::FIELDS
        .iter()
        .find(|(kind, _)| *kind == writing.kind.id);
    let opened = opened.map_or(&[][..], |(_, fields)| *fields);
    let is_open = |register: RegisterId| {
        let mut fields = opened.iter().filter_map(|field| writing.kind.field(field));
        fields.any(|field| field.register == register)
    };
    if writing.existing.is_none() || !writing.set.iter().all(|(id, _)| is_open(*id)) {
        return Err(Denied::Field(group));
    }
    let is_free = lies
        .before
        .as_ref()
        .is_none_or(|before| before.authority.is_none());
    if is_free && matches!(grant.part, Some(Part::Agency(_))) {
        let after = Lies {
            before: lies.after.clone(),
            ..lies.clone()
        };
        return within(grant, writing, &after, group);
    }
    within(grant, writing, lies, group)
}

/// The whole table as a text, for people and for a test that shows each change of it: first what
/// the columns are called.
#[must_use]
pub fn table_text() -> String {
    let short = |role: Role| -> String {
        let words = role.id().split('_');
        words.filter_map(|word| word.chars().next()).collect()
    };
    let mut text = String::new();
    for role in Role::ALL {
        let legend = format!("{:4}{} {}", short(role), role.id(), role.zh());
        text.push_str(&legend);
        text.push('\n');
    }
    let mut line = |name: &str, cell: &dyn Fn(Role) -> String| {
        let cells = Role::ALL
            .into_iter()
            .map(|role| format!("{:3}", cell(role)));
        let cells: String = cells.collect();
        text.push_str(format!("{name:12}{cells}").trim_end());
        text.push('\n');
    };
    line("", &short);
    for group in GROUPS {
        line(group.id, &|role| group.cell(role).to_owned());
    }
    for (right, _) in RIGHTS {
        let cell = |role| if has(role, *right) { "x" } else { "-" };
        line(right.id(), &|role| cell(role).to_owned());
    }
    let rights: Vec<_> = table::CARE_RIGHTS.iter().map(|right| right.id()).collect();
    let care = [table::CARED, &rights].concat().join(" ");
    let care = format!("in care (托管) of what de has: {care}\n");
    text.push_str(&care);
    text
}
