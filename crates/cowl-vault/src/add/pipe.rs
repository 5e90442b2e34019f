//! What comes from a pipe: its length is known when it has ended. A short one is sealed like a small file; a
//! longer one is sealed as it flows, and nothing of it is ever on the disk. It becomes an item when its end
//! has come: before that there are parts in the cloud that belong to nothing.

use std::io::{self, Cursor, Read};

use cowl_crypto::id::random_bytes;
use cowl_domain::ItemId;
use cowl_imaging::container::{SAMPLE, sample_starts};
use cowl_seal::file_key::ItemKey;

use super::Adding;
use super::age::does_not_open;
use super::held::Standing;
use super::large::{Arrived, LABEL_HEAD, digest_of};
use crate::codec::{self, WHOLE_LIMIT};
use crate::error::{Result, VaultError};
use crate::open::suite_of;
use crate::payload::Envelope;
use crate::source::{FileStamp, Source};
use crate::upload::{Content, Length};
use crate::view::Added;

/// What comes without an end that is known before.
type Pipe = Box<dyn Read + Send>;

impl Adding<'_> {
    /// A pipe that ends early comes back as bytes. With a stamp it is a long file that has to be opened on its way.
    pub(super) async fn add_pipe(
        &mut self,
        name: String,
        stamp: Option<FileStamp>,
        mut pipe: Pipe,
    ) -> Result<Option<Source>> {
        let added = match tokio::task::block_in_place(|| head_of(&mut pipe)) {
            Ok(head) if head.len() as u64 <= WHOLE_LIMIT => return Ok(Some(Source::bytes(name, head))),
            Ok(head) => match self.out_of_age(&name, head, pipe) {
                Ok((inner, head, rest)) => self.add_long_pipe(&inner, stamp.as_ref(), head, rest).await?,
                Err(error) => Added::Refused(error.to_string()),
            },
            Err(error) => Added::Refused(broken(&error)),
        };
        self.note(name, stamp, added);
        Ok(None)
    }

    /// The name, the beginning and the rest of what is taken in: of a sealed file that the caller opens, what is
    /// inside it.
    fn out_of_age(&self, name: &str, head: Vec<u8>, pipe: Pipe) -> Result<(String, Vec<u8>, Pipe)> {
        let Some(inner) = self.options.name_inside(name) else { return Ok((name.to_owned(), head, pipe)) };
        tokio::task::block_in_place(|| {
            let sealed = Box::new(Cursor::new(head).chain(pipe));
            let mut opened = self.options.opened_stream(name, sealed)?;
            let head = head_of(&mut opened).map_err(|e| does_not_open(name, &e))?;
            Ok((inner.to_owned(), head, opened))
        })
    }

    async fn add_long_pipe(
        &mut self,
        name: &str,
        stamp: Option<&FileStamp>,
        head: Vec<u8>,
        pipe: Pipe,
    ) -> Result<Added> {
        if let Standing::Taken(reason) = self.held.standing(name, stamp, None, self.options)
            && self.options.suite.is_none()
        {
            return self.compare_only(name, Cursor::new(head).chain(pipe), reason);
        }
        let beginning = head[..head.len().min(LABEL_HEAD)].to_vec();
        let label = self.options.label(name.to_owned(), &beginning);
        let suite = self.options.suite_for(&self.policy, label.kind);
        let plan = match self.plan_stream(suite, &head, None, &samples_of(&head)) {
            Err(reason) => return Ok(Added::Refused(reason.to_string())),
            Ok(plan) => plan,
        };
        let codec = codec::id_of(plan.as_ref());
        let key = ItemKey::make(suite_of(suite));
        let record = self.record().id;
        let content = Content { reader: Cursor::new(head).chain(pipe), length: Length::Open, plan };
        let outcome =
            self.vault.seal_stream(&record, Envelope::of(suite, &key), content, self.progress).await;
        let (parts, passed) = match outcome {
            Err(VaultError::Stream(error)) => return Ok(Added::Refused(broken(&error))),
            outcome => outcome?,
        };
        let replaces = match self.held.standing(name, stamp, Some(&passed.content), self.options) {
            Standing::Same(item) => return Ok(Added::Unchanged(item)),
            Standing::Taken(reason) => return Ok(Added::Refused(reason)),
            Standing::Replaces(old) => Some(old),
            Standing::Free => None,
        };
        let item = ItemId::from_bytes(random_bytes());
        let arrived = Arrived { item, key, suite, label, head: beginning, codec, parts, passed, replaces };
        self.commit_streamed(arrived).await
    }

    /// Nothing may be taken in, so nothing is sent; the content may be what the record has.
    fn compare_only(&self, name: &str, pipe: impl Read, otherwise: String) -> Result<Added> {
        let content = match tokio::task::block_in_place(|| digest_of(pipe)) {
            Err(VaultError::Stream(error)) => return Ok(Added::Refused(broken(&error))),
            content => content?,
        };
        match self.held.standing(name, None, Some(&content), self.options) {
            Standing::Same(item) => Ok(Added::Unchanged(item)),
            _ => Ok(Added::Refused(otherwise)),
        }
    }
}

/// As much as decides whether content is small.
fn head_of(pipe: &mut Pipe) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    pipe.take(WHOLE_LIMIT + 1).read_to_end(&mut head)?;
    Ok(head)
}

/// Samples of what has come of a pipe.
fn samples_of(head: &[u8]) -> Vec<Vec<u8>> {
    let starts = sample_starts(head.len() as u64).map(|start| start as usize);
    starts.iter().map(|start| head[*start..head.len().min(start + SAMPLE)].to_vec()).collect()
}

fn broken(error: &std::io::Error) -> String {
    format!("it could not be read to its end, and nothing of it was taken in: {error}")
}
