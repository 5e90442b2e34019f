//! What comes from a pipe: its length is known when it has ended. A short one is sealed like a small file; a
//! longer one is sealed as it flows, and nothing of it is ever on the disk. It becomes an item when its end
//! has come: before that there are parts in the cloud that belong to nothing.

use std::io::{Cursor, Read};

use cowl_crypto::id::random_bytes;
use cowl_domain::ItemId;
use cowl_imaging::container::{SAMPLE, sample_starts};
use cowl_seal::file_key::ItemKey;

use super::Adding;
use super::large::{Arrived, LABEL_HEAD};
use crate::codec::{self, WHOLE_LIMIT};
use crate::error::{Result, VaultError};
use crate::open::suite_of;
use crate::source::Source;
use crate::upload::{Content, Length};
use crate::view::Added;

impl Adding<'_> {
    /// A pipe that ends early comes back as bytes.
    pub(super) async fn add_pipe(
        &mut self,
        name: String,
        mut pipe: Box<dyn Read + Send>,
    ) -> Result<Option<Source>> {
        let mut head = Vec::new();
        let read = tokio::task::block_in_place(|| (&mut pipe).take(WHOLE_LIMIT + 1).read_to_end(&mut head));
        let refused = match read {
            Err(error) => Some(broken(&error)),
            Ok(length) if length as u64 <= WHOLE_LIMIT => return Ok(Some(Source::bytes(name, head))),
            Ok(_) => None,
        };
        let added = match refused {
            Some(reason) => Added::Refused(reason),
            None => self.add_long_pipe(&name, head, pipe).await?,
        };
        self.note(name, None, added);
        Ok(None)
    }

    async fn add_long_pipe(
        &mut self,
        name: &str,
        head: Vec<u8>,
        pipe: Box<dyn Read + Send>,
    ) -> Result<Added> {
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
        let outcome = self.vault.seal_stream(&record, &key, content, self.progress).await;
        let (parts, passed) = match outcome {
            Err(VaultError::Stream(error)) => return Ok(Added::Refused(broken(&error))),
            outcome => outcome?,
        };
        match self.held.get(name) {
            Some(held) if held.content == passed.content && self.options.accepts(held.suite) => {
                Ok(Added::Unchanged(held.item))
            }
            _ => {
                let item = ItemId::from_bytes(random_bytes());
                self.commit_streamed(Arrived {
                    item,
                    key,
                    suite,
                    label,
                    head: beginning,
                    codec,
                    parts,
                    passed,
                })
                .await
            }
        }
    }
}

/// Samples of what has come of a pipe.
fn samples_of(head: &[u8]) -> Vec<Vec<u8>> {
    let starts = sample_starts(head.len() as u64).map(|start| start as usize);
    starts.iter().map(|start| head[*start..head.len().min(start + SAMPLE)].to_vec()).collect()
}

fn broken(error: &std::io::Error) -> String {
    format!("the pipe broke off, and nothing of it was taken in: {error}")
}
