//! What the exchange of files asks of the records: who may see what, and whether a content is what
//! its record says.

use domain::{attachment, catalogue::Travel};
use link::{Asker, FilesError, Referrer};
use replica::RecordKey;
use store::{FileHash, Stored};

use super::{Held, held, recognise};
use crate::{app::App, failure::Failure, records::meaning};

/// The records of a program.
#[derive(Debug)]
pub(super) struct Records(pub(super) App);

impl From<Failure> for FilesError {
    fn from(failure: Failure) -> Self {
        Self::Record { code: failure.code }
    }
}

impl Records {
    /// The file of a record that stands and names it.
    fn file(&self, key: RecordKey, hash: FileHash) -> Result<Option<(Stored, Held)>, FilesError> {
        let app = &self.0;
        let kind = app.catalogue.kind(key.kind);
        let kind = kind.filter(|kind| kind.travel != Travel::Local);
        let stored = app.reader().get(key)?;
        let stored = stored.filter(|stored| !stored.record.is_empty());
        let (Some(kind), Some(stored)) = (kind, stored) else {
            return Ok(None);
        };
        let meaning = meaning(app, &stored.record)?;
        if meaning.deleted {
            return Ok(None);
        }
        let mut files = held(kind, &meaning.values).into_iter();
        let file = files.find(|file| file.hash == hash && attachment::is_sound(&file.attachment));
        Ok(file.map(|file| (stored, file)))
    }

    /// Whether an asker sees a record. The hub holds whatever a node has sent; a node sees what
    /// belongs to its scope, what is published, and what is lent to it.
    fn sees(&self, asker: Asker, stored: &Stored) -> Result<bool, FilesError> {
        let app = &self.0;
        let Asker::Node(scope) = asker else {
            return Ok(true);
        };
        let key = stored.record.key;
        Ok([scope, app.published()].contains(&stored.home)
            || app.writer.ask(move |host| host.is_lent(key, scope))?)
    }
}

impl Referrer for Records {
    fn size(
        &self,
        record: RecordKey,
        hash: FileHash,
        asker: Asker,
    ) -> Result<Option<u64>, FilesError> {
        let Some((stored, file)) = self.file(record, hash)? else {
            return Ok(None);
        };
        let sees = self.sees(asker, &stored)?;
        Ok(sees.then_some(file.attachment.size))
    }

    fn fits(&self, record: RecordKey, hash: FileHash, content: &[u8]) -> Result<bool, FilesError> {
        let file = self.file(record, hash)?;
        let media = recognise(content).map(|media| media.id);
        Ok(file.is_some_and(|(_, file)| media == Some(file.attachment.media_type.as_str())))
    }
}
