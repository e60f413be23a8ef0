//! Organisations that are moving: what nobody writes by hand until that is over.

use domain::{Subject, validate};
use replica::Source;

use super::Desk;
use crate::failure::Failure;

impl Desk<'_> {
    /// Asks whether a save leaves a transfer to its request, and what is in transfer alone.
    ///
    /// # Errors
    /// It does not, or the store cannot be read.
    pub(crate) fn leaves_transfer(
        &self,
        source: Source,
        subject: &Subject<'_>,
    ) -> Result<(), Failure> {
        // What was decided, or ruled by the city, stands above what the forms ask.
        if source == Source::Decision {
            return Ok(());
        }
        let found = validate::around_transfer(subject, &self.known);
        self.known.take_failure().map_or(Ok(()), Err)?;
        found.map_or(Ok(()), |found| Err(vec![found].into()))
    }
}
