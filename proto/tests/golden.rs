//! The bytes of every message that is sent or stored, as they were when each was first made.
//!
//! One file a message lies in `golden/`: its bytes with every field set, and what they say, field
//! by field. The files of old stay for ever, so a program that reads them reads what any earlier
//! one has written. A new field or message needs a new file beside them, which
//! `LIANGXIN_REGENERATE=1 cargo test -p proto --test golden` writes; it never changes one that is
//! there. Only a file that no program was ever given with may be taken away.

#![expect(clippy::unwrap_used, reason = "a test ends at the first failure")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _,
    Value,
};
use proto::{admin, enrol, ledger, schema, stored, sync};

/// Decodes with the generated code and encodes again.
type Codec = fn(&[u8]) -> Vec<u8>;

fn again<M: Message + Default>(bytes: &[u8]) -> Vec<u8> {
    M::decode(bytes).unwrap().encode_to_vec()
}

/// The generated code of every message. One that is missing here fails a test below.
const CODECS: &[(&str, Codec)] = &[
    ("admin.v1.Progress", again::<admin::Progress>),
    ("admin.v1.RunReply", again::<admin::RunReply>),
    ("admin.v1.RunRequest", again::<admin::RunRequest>),
    ("enrol.v1.Credential", again::<enrol::Credential>),
    ("enrol.v1.EnrolRequest", again::<enrol::EnrolRequest>),
    ("enrol.v1.RenewRequest", again::<enrol::RenewRequest>),
    ("ledger.v1.Agency", again::<ledger::Agency>),
    ("ledger.v1.Candidate", again::<ledger::Candidate>),
    ("ledger.v1.Carrier", again::<ledger::Carrier>),
    (
        "ledger.v1.CarrierActivity",
        again::<ledger::CarrierActivity>,
    ),
    ("ledger.v1.CoverageLink", again::<ledger::CoverageLink>),
    ("ledger.v1.Decision", again::<ledger::Decision>),
    ("ledger.v1.DocketNote", again::<ledger::DocketNote>),
    (
        "ledger.v1.InstructorAssignment",
        again::<ledger::InstructorAssignment>,
    ),
    ("ledger.v1.CandidateName", again::<ledger::CandidateName>),
    (
        "ledger.v1.TransferRequest",
        again::<ledger::TransferRequest>,
    ),
    ("ledger.v1.DuplicateCase", again::<ledger::DuplicateCase>),
    ("ledger.v1.ProposedValue", again::<ledger::ProposedValue>),
    ("ledger.v1.Proposal", again::<ledger::Proposal>),
    ("ledger.v1.WorkCommittee", again::<ledger::WorkCommittee>),
    (
        "ledger.v1.EstablishmentDrive",
        again::<ledger::EstablishmentDrive>,
    ),
    (
        "ledger.v1.EstablishmentCase",
        again::<ledger::EstablishmentCase>,
    ),
    (
        "ledger.v1.InstructorVisit",
        again::<ledger::InstructorVisit>,
    ),
    ("ledger.v1.Position", again::<ledger::Position>),
    ("ledger.v1.StandardItem", again::<ledger::StandardItem>),
    ("ledger.v1.StandardCheck", again::<ledger::StandardCheck>),
    ("ledger.v1.FundingEntry", again::<ledger::FundingEntry>),
    ("ledger.v1.Incentive", again::<ledger::Incentive>),
    ("ledger.v1.Cluster", again::<ledger::Cluster>),
    ("ledger.v1.Platform", again::<ledger::Platform>),
    ("ledger.v1.PlatformMember", again::<ledger::PlatformMember>),
    ("ledger.v1.ServiceCentre", again::<ledger::ServiceCentre>),
    (
        "ledger.v1.PlatformMeeting",
        again::<ledger::PlatformMeeting>,
    ),
    ("ledger.v1.ServiceClaim", again::<ledger::ServiceClaim>),
    ("ledger.v1.ProblemItem", again::<ledger::ProblemItem>),
    ("ledger.v1.TaskItem", again::<ledger::TaskItem>),
    (
        "ledger.v1.ResponsibilityItem",
        again::<ledger::ResponsibilityItem>,
    ),
    ("ledger.v1.Nomination", again::<ledger::Nomination>),
    ("ledger.v1.CriterionScore", again::<ledger::CriterionScore>),
    (
        "ledger.v1.AcceptanceVisit",
        again::<ledger::AcceptanceVisit>,
    ),
    (
        "ledger.v1.AcceptanceVerdict",
        again::<ledger::AcceptanceVerdict>,
    ),
    (
        "ledger.v1.DemonstrationPoint",
        again::<ledger::DemonstrationPoint>,
    ),
    ("ledger.v1.Reward", again::<ledger::Reward>),
    ("ledger.v1.Notice", again::<ledger::Notice>),
    ("ledger.v1.NoticeReceipt", again::<ledger::NoticeReceipt>),
    ("ledger.v1.Highlight", again::<ledger::Highlight>),
    (
        "ledger.v1.QuarterlyReturn",
        again::<ledger::QuarterlyReturn>,
    ),
    (
        "ledger.v1.IndicatorSnapshot",
        again::<ledger::IndicatorSnapshot>,
    ),
    ("ledger.v1.ChangeRequest", again::<ledger::ChangeRequest>),
    ("ledger.v1.Organisation", again::<ledger::Organisation>),
    (
        "ledger.v1.PartyOrganisation",
        again::<ledger::PartyOrganisation>,
    ),
    ("ledger.v1.Person", again::<ledger::Person>),
    ("ledger.v1.ProgrammeYear", again::<ledger::ProgrammeYear>),
    ("ledger.v1.RoleAssignment", again::<ledger::RoleAssignment>),
    ("ledger.v1.Scope", again::<ledger::Scope>),
    ("ledger.v1.Seminar", again::<ledger::Seminar>),
    (
        "ledger.v1.TrainingAttendance",
        again::<ledger::TrainingAttendance>,
    ),
    (
        "ledger.v1.TrainingSession",
        again::<ledger::TrainingSession>,
    ),
    ("schema.v1.Attachment", again::<schema::Attachment>),
    ("schema.v1.StepTaken", again::<schema::StepTaken>),
    ("schema.v1.FormerValue", again::<schema::FormerValue>),
    ("schema.v1.Deletion", again::<schema::Deletion>),
    ("schema.v1.Enumeration", again::<schema::Enumeration>),
    ("schema.v1.Field", again::<schema::Field>),
    ("schema.v1.Kind", again::<schema::Kind>),
    ("schema.v1.Ownership", again::<schema::Ownership>),
    ("schema.v1.Stay", again::<schema::Stay>),
    ("schema.v1.Value", again::<schema::Value>),
    ("store.v1.Ancestor", again::<stored::Ancestor>),
    ("store.v1.ArrivalPage", again::<stored::ArrivalPage>),
    ("store.v1.BackupEntry", again::<stored::BackupEntry>),
    ("store.v1.BackupHead", again::<stored::BackupHead>),
    ("store.v1.Certificate", again::<stored::Certificate>),
    ("store.v1.ClockReading", again::<stored::ClockReading>),
    ("store.v1.Cut", again::<stored::Cut>),
    ("store.v1.CutPoint", again::<stored::CutPoint>),
    ("store.v1.FeedPoint", again::<stored::FeedPoint>),
    ("store.v1.HistoryEntry", again::<stored::HistoryEntry>),
    ("store.v1.HistoryPage", again::<stored::HistoryPage>),
    ("store.v1.JournalEntry", again::<stored::JournalEntry>),
    ("store.v1.JournalPage", again::<stored::JournalPage>),
    ("store.v1.LifeAccount", again::<stored::LifeAccount>),
    ("store.v1.Listed", again::<stored::Listed>),
    ("store.v1.PeerHeard", again::<stored::PeerHeard>),
    ("store.v1.PeerScope", again::<stored::PeerScope>),
    ("store.v1.Position", again::<stored::Position>),
    ("store.v1.Quarantine", again::<stored::Quarantine>),
    ("store.v1.Reached", again::<stored::Reached>),
    ("store.v1.Receipt", again::<stored::Receipt>),
    ("store.v1.Record", again::<stored::Record>),
    ("store.v1.RecordName", again::<stored::RecordName>),
    ("store.v1.Refusal", again::<stored::Refusal>),
    ("store.v1.Sibling", again::<stored::Sibling>),
    ("store.v1.Signed", again::<stored::Signed>),
    ("store.v1.Statement", again::<stored::Statement>),
    ("store.v1.Unsettled", again::<stored::Unsettled>),
    ("store.v1.Write", again::<stored::Write>),
    ("sync.v1.Ack", again::<sync::Ack>),
    ("sync.v1.Answer", again::<sync::Answer>),
    ("sync.v1.Batch", again::<sync::Batch>),
    ("sync.v1.BundleHeader", again::<sync::BundleHeader>),
    ("sync.v1.BundleMemory", again::<sync::BundleMemory>),
    ("sync.v1.BundleOpening", again::<sync::BundleOpening>),
    ("sync.v1.BundlePart", again::<sync::BundlePart>),
    ("sync.v1.BundlePoint", again::<sync::BundlePoint>),
    ("sync.v1.BundleQuestion", again::<sync::BundleQuestion>),
    ("sync.v1.Bye", again::<sync::Bye>),
    ("sync.v1.CertifyAsk", again::<sync::CertifyAsk>),
    ("sync.v1.CertifyReply", again::<sync::CertifyReply>),
    ("sync.v1.FeedPoint", again::<sync::FeedPoint>),
    ("sync.v1.FeedState", again::<sync::FeedState>),
    ("sync.v1.Frame", again::<sync::Frame>),
    ("sync.v1.Healed", again::<sync::Healed>),
    ("sync.v1.Hello", again::<sync::Hello>),
    ("sync.v1.Holdings", again::<sync::Holdings>),
    ("sync.v1.Kept", again::<sync::Kept>),
    ("sync.v1.Leaf", again::<sync::Leaf>),
    ("sync.v1.Leaves", again::<sync::Leaves>),
    ("sync.v1.Name", again::<sync::Name>),
    ("sync.v1.Names", again::<sync::Names>),
    ("sync.v1.Part", again::<sync::Part>),
    ("sync.v1.Position", again::<sync::Position>),
    ("sync.v1.Prints", again::<sync::Prints>),
    ("sync.v1.Question", again::<sync::Question>),
    ("sync.v1.RecordName", again::<sync::RecordName>),
    ("sync.v1.Refused", again::<sync::Refused>),
    ("sync.v1.Result", again::<sync::Result>),
    ("sync.v1.Welcome", again::<sync::Welcome>),
    ("store.v1.FileRequest", again::<stored::FileRequest>),
    ("sync.v1.FileGiven", again::<sync::FileGiven>),
    ("sync.v1.FilePiece", again::<sync::FilePiece>),
    ("sync.v1.FileTaken", again::<sync::FileTaken>),
    ("sync.v1.FileWant", again::<sync::FileWant>),
    ("sync.v1.WantsAsk", again::<sync::WantsAsk>),
    ("sync.v1.WriteName", again::<sync::WriteName>),
    ("sync.v1.WriteNames", again::<sync::WriteNames>),
];

/// The generated code of one message.
fn codec(name: &str) -> Codec {
    let found = CODECS.iter().find(|(known, _)| *known == name);
    found
        .unwrap_or_else(|| panic!("{name} has no line in CODECS"))
        .1
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Every message of ours, by its name without the common prefix.
fn messages() -> BTreeMap<String, MessageDescriptor> {
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
    let named = |message: MessageDescriptor| {
        let name = message.full_name().strip_prefix("liangxin.")?.to_owned();
        Some((name, message))
    };
    pool.all_messages().filter_map(named).collect()
}

/// A fixed value for a field: no two fields of a message say the same.
fn value(field: &FieldDescriptor) -> Value {
    let number = field.number();
    let one = |salt: u32| match field.kind() {
        Kind::Bool => Value::Bool(true),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            Value::I32(i32::try_from(300 + number + salt).unwrap())
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            Value::I64(1_606_176_000_000 + i64::from(number + salt))
        }
        Kind::Uint32 | Kind::Fixed32 => Value::U32(70_000 + number + salt),
        Kind::Uint64 | Kind::Fixed64 => {
            Value::U64(0x0102_0304_0506_0000 + u64::from(number + salt))
        }
        Kind::Float => Value::F32(0.5),
        Kind::Double => Value::F64(0.25),
        Kind::String => Value::String(format!("{}{salt}值", field.name())),
        Kind::Bytes => Value::Bytes(vec![u8::try_from(number % 200 + salt).unwrap(); 16].into()),
        Kind::Enum(kind) => {
            let known: Vec<i32> = kind
                .values()
                .map(|value| value.number())
                .filter(|n| *n != 0)
                .collect();
            Value::EnumNumber(
                known
                    .get(salt as usize)
                    .or_else(|| known.first())
                    .copied()
                    .unwrap_or(0),
            )
        }
        Kind::Message(message) => Value::Message(filled(&message, 0)),
    };
    if field.is_list() {
        Value::List(vec![one(0), one(1)])
    } else {
        one(0)
    }
}

/// A message with all its fields; of a choice of one, the branch of this number.
fn filled(message: &MessageDescriptor, branch: usize) -> DynamicMessage {
    let mut filled = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let choice = field
            .containing_oneof()
            .filter(|oneof| !oneof.is_synthetic());
        let chosen = choice.is_none_or(|oneof| oneof.fields().nth(branch) == Some(field.clone()));
        if chosen {
            filled.set_field(&field, value(&field));
        }
    }
    filled
}

/// How many values show all fields: one, or one a branch.
fn branches(message: &MessageDescriptor) -> usize {
    let real = message.oneofs().filter(|oneof| !oneof.is_synthetic());
    real.map(|oneof| oneof.fields().count()).max().unwrap_or(1)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2).unwrap(), 16).unwrap();
    (0..text.len()).step_by(2).map(pair).collect()
}

/// What a message says, a field a line, by number and by name.
fn said(message: &DynamicMessage, indent: usize, text: &mut String) {
    assert_eq!(
        message.unknown_fields().count(),
        0,
        "{} has a field that this program does not know: numbers are never taken away",
        message.descriptor().full_name()
    );
    let mut fields: Vec<_> = message.fields().collect();
    fields.sort_by_key(|(field, _)| field.number());
    for (field, value) in fields {
        let values = match value {
            Value::List(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        for value in values {
            write!(text, "{:indent$}{} {}", "", field.number(), field.name()).unwrap();
            match value {
                Value::Message(inner) => {
                    text.push('\n');
                    said(inner, indent + 2, text);
                }
                Value::Bytes(bytes) => writeln!(text, " = {}", hex(bytes)).unwrap(),
                Value::EnumNumber(number) => {
                    let kind = field.kind();
                    let name = kind.as_enum().and_then(|kind| kind.get_value(*number));
                    let name = name
                        .map(|value| value.name().to_owned())
                        .unwrap_or_default();
                    writeln!(text, " = {number} {name}").unwrap();
                }
                value => writeln!(text, " = {value}").unwrap(),
            }
        }
    }
}

fn written(message: &DynamicMessage) -> String {
    let mut text = format!("{}\n", hex(&message.encode_to_vec()));
    said(message, 0, &mut text);
    text
}

/// The golden files of a message, oldest first.
fn files(name: &str) -> Vec<PathBuf> {
    let numbered = (1..).map(|number| folder().join(format!("{name}.{number}.txt")));
    numbered.take_while(|path| path.exists()).collect()
}

/// The values in a golden file: bytes and what they say.
fn values(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("\n\n")
        .map(|block| block.trim_end_matches('\n'))
        .filter_map(|block| block.split_once('\n'))
}

/// The fields that a message has set.
fn set(message: &DynamicMessage, found: &mut BTreeSet<String>) {
    found.extend(
        message
            .fields()
            .map(|(field, _)| field.full_name().to_owned()),
    );
}

#[test]
fn what_any_program_has_written_is_read_and_written_alike() {
    for (name, message) in messages() {
        for path in files(&name) {
            let text = fs::read_to_string(&path).unwrap();
            for (bytes, says) in values(&text) {
                let golden = unhex(bytes);
                let read = DynamicMessage::decode(message.clone(), golden.as_slice()).unwrap();
                let mut now = String::new();
                said(&read, 0, &mut now);
                assert_eq!(now.trim_end(), says, "{} is read otherwise", path.display());
                let again = codec(&name)(&golden);
                assert_eq!(
                    hex(&again),
                    bytes,
                    "{} is written otherwise",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn every_field_of_every_message_has_golden_bytes() {
    let regenerate = std::env::var_os("LIANGXIN_REGENERATE").is_some();
    let mut missing = Vec::new();
    for (name, message) in messages() {
        let known = files(&name);
        let mut found = BTreeSet::new();
        for path in &known {
            let text = fs::read_to_string(path).unwrap();
            for (bytes, _) in values(&text) {
                let read =
                    DynamicMessage::decode(message.clone(), unhex(bytes).as_slice()).unwrap();
                set(&read, &mut found);
            }
        }
        let all: BTreeSet<_> = message
            .fields()
            .map(|field| field.full_name().to_owned())
            .collect();
        if all.is_subset(&found) && !known.is_empty() {
            continue;
        }
        if regenerate {
            let blocks: Vec<String> = (0..branches(&message))
                .map(|branch| written(&filled(&message, branch)))
                .collect();
            let path = folder().join(format!("{name}.{}.txt", known.len() + 1));
            fs::write(path, blocks.join("\n")).unwrap();
        } else {
            missing.push(name);
        }
    }
    assert!(
        missing.is_empty(),
        "no golden bytes: {missing:?}; LIANGXIN_REGENERATE=1 cargo test -p proto --test golden"
    );
}

#[test]
fn no_golden_file_is_of_a_message_that_is_gone() {
    let messages = messages();
    for entry in fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let name = file.rsplitn(3, '.').nth(2).unwrap().to_owned();
        assert!(
            messages.contains_key(&name),
            "{file}: what was written once must be read for ever"
        );
    }
}

#[test]
fn other_bytes_are_found() {
    let message = &messages()["sync.v1.Position"];
    let mut changed = filled(message, 0).encode_to_vec();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    let read = DynamicMessage::decode(message.clone(), changed.as_slice()).unwrap();
    assert_ne!(written(&read), written(&filled(message, 0)));
}
