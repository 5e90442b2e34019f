//! The steps, in their order. Each acts, checks what it promises, and tells both.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cowl_crypto::digest::{Digest, Hasher};
use cowl_domain::{EventKind, GrantId, ItemId, Kind, Power, Powers, Purpose, RecordId, Role};
use cowl_vault::view::ItemInfo;
use cowl_vault::{AddOptions, GrantSpec, Silent, Tampering, Vault, VaultError};

use super::cast::{Cast, RADIOLOGIST, register};
use super::cloud::Cloud;
use super::infer;
use super::input::Input;
use super::packs::{self, ChangedByte};
use super::stage::{Stage, Told};
use super::tables;
use crate::failure::{Failure, Result};
use crate::moment::Until;
use crate::size::{Size, count};

/// Plays all steps; stops at the first that fails.
///
/// # Errors
/// Why it failed. A step that merely is not as promised does not stop the story.
pub(super) async fn play(stage: &mut Stage, input: &Input, cloud: &Cloud) -> Result<()> {
    let key = tables::KeyToCome::begin();
    let begun = Instant::now();
    let cast = waiting(stage, "registering", Cast::register(cloud)).await;
    let took = begun.elapsed();
    let cast = match cast {
        Ok(cast) => cast,
        Err(failure) => return stage.tell("register", Err(failure)),
    };
    stage.tell("register", Ok(Told::new("patient, radiologist, insurer", true, took)))?;
    let record = cast.patient.default_record().await?;
    let mut story = Story {
        input,
        cloud,
        cast,
        record,
        items: Vec::new(),
        shared: Vec::new(),
        grants: Vec::new(),
        packs: BTreeSet::new(),
    };
    let sealed = story.seal(stage).await;
    stage.tell("seal", sealed)?;
    stage.tell("share", story.share().await)?;
    let opened = waiting(stage, "opening", story.open()).await;
    stage.tell("open", opened)?;
    stage.tell("search", story.search().await)?;
    let revoked = story.revoke(stage).await;
    stage.tell("revoke", revoked)?;
    let tampered = waiting(stage, "tampering", story.tamper()).await;
    stage.tell("tamper", tampered)?;
    stage.tell("audit", story.audit().await)?;
    let hospital = Arc::new(register(cloud, tables::HOSPITAL, Role::Hospital).await?);
    let studied = waiting(stage, "sealing a table", tables::play(cloud, hospital.clone(), key)).await;
    stage.tell("tables", studied)?;
    let found = waiting(stage, "running a model", infer::play(cloud, hospital)).await;
    stage.tell("infer", found)
}

async fn waiting<T>(stage: &Stage, what: &str, work: impl Future<Output = T>) -> T {
    let progress = stage.progress();
    progress.begin(what, 0);
    let outcome = Box::pin(work).await;
    progress.end();
    outcome
}

/// What later steps know of earlier ones.
struct Story<'a> {
    input: &'a Input,
    cloud: &'a Cloud,
    cast: Cast,
    record: RecordId,
    /// All items of the record.
    items: Vec<ItemInfo>,
    /// Those that the radiologist gets.
    shared: Vec<ItemInfo>,
    grants: Vec<GrantId>,
    /// The cloud's files before re-keying.
    packs: BTreeSet<PathBuf>,
}

impl Story<'_> {
    async fn seal(&mut self, stage: &Stage) -> Result<Told> {
        let sources = self.input.sources()?;
        let given = sources.len();
        let begun = Instant::now();
        let options = AddOptions::default();
        let report = self.cast.patient.add(self.record, sources, &options, &*stage.progress()).await?;
        let took = begun.elapsed();
        self.items = self.cast.patient.items(self.record).await?;
        let text = format!(
            "{} · {} → {} in {}, post-quantum hybrid",
            count(given as u64, "file"),
            Size(report.bytes),
            Size(report.stored),
            count(report.parts, "part"),
        );
        let good = self.items.len() == given;
        Ok(Told::new(text, good, took).with_bytes(report.bytes, Some(report.stored)))
    }

    async fn share(&mut self) -> Result<Told> {
        let patient = &self.cast.patient;
        // In the clinic they would read the digits to each other over the telephone.
        let fingerprint = self.cast.radiologist.me().fingerprint;
        let verified = patient.verify_party(RADIOLOGIST, &fingerprint).await?;
        let (what, shared) = worth_sharing(&self.items);
        self.shared = shared;
        let week =
            Until::After(jiff::Span::new().days(7)).resolve(&jiff::Zoned::now()).map_err(Failure::usage)?;
        let spec = GrantSpec {
            record: self.record,
            items: ids(&self.shared),
            grantee: RADIOLOGIST.to_owned(),
            powers: Powers::of([Power::Read]),
            compute: None,
            purpose: Purpose::SecondOpinion,
            expires_at: Some(week),
            note: Some("I would value your opinion.".to_owned()),
        };
        let begun = Instant::now();
        let grants = patient.grant(&spec).await?;
        let took = begun.elapsed();
        self.grants = grants.iter().map(|grant| grant.grant).collect();
        let text = format!("{what} → {RADIOLOGIST}, read, second opinion, 7 days");
        Ok(Told::new(text, verified.is_some() && grants.len() == self.shared.len(), took))
    }

    async fn open(&self) -> Result<Told> {
        let seen = self.cast.radiologist.items(self.record).await?;
        let begun = Instant::now();
        let opened = read(&self.cast.radiologist, self.record, &self.shared).await?;
        let took = begun.elapsed();
        let mut equal = opened.len() == self.shared.len() && seen.len() == self.shared.len();
        for (name, digest) in &opened {
            equal &= *digest == self.input.digest(name)?;
        }
        let refused = is_refused(&read(&self.cast.insurer, self.record, &self.shared[..1]).await);
        let images = self.shared.iter().all(|item| item.label.kind == Kind::Dicom);
        let number = count(opened.len() as u64, if images { "image" } else { "file" });
        let outcome =
            if equal { "equal to the bytes that were sealed" } else { "NOT equal to what was sealed" };
        let insurer = if refused { "the insurer is refused" } else { "the insurer is NOT refused" };
        let bytes = self.shared.iter().map(|item| item.size).sum();
        let stored = self.shared.iter().map(|item| item.stored).sum();
        let text = format!("the radiologist reads {number}, {outcome}; {insurer}");
        Ok(Told::new(text, equal && refused, took).with_bytes(bytes, Some(stored)))
    }

    async fn search(&self) -> Result<Told> {
        let Some(query) = self.input.query(&self.items) else {
            return Ok(Told::new("there is no text among the files to look for", true, Duration::ZERO));
        };
        let patient = &self.cast.patient;
        patient.sync_index(&Silent).await?;
        let begun = Instant::now();
        let hits = patient.search(&query, 10).await?;
        let took = begun.elapsed();
        let Some(best) = hits.first() else {
            return Ok(Told::new(format!("\"{query}\" → nothing found"), false, took));
        };
        let words = around_match(&best.snippet);
        let said = if words.is_empty() { &best.title } else { &words };
        Ok(Told::new(
            format!("\"{query}\" → {}, best: \"{said}\"", count(hits.len() as u64, "note")),
            true,
            took,
        ))
    }

    async fn revoke(&mut self, stage: &Stage) -> Result<Told> {
        self.packs = packs::files(&self.cloud.parts())?;
        let patient = &self.cast.patient;
        let begun = Instant::now();
        patient.revoke(&self.grants).await?;
        let refused = is_refused(&read(&self.cast.radiologist, self.record, &self.shared[..1]).await);
        let report = patient.rekey_pending(&*stage.progress()).await?;
        let took = begun.elapsed();
        let done = patient.pending().await? == 0 && report.items >= self.shared.len() as u64;
        self.items = patient.items(self.record).await?;
        self.shared = self.items.iter().filter(|item| self.was_shared(item)).cloned().collect();
        let renewed = self.shared.iter().all(|item| item.version > 0);
        let at_once = if refused { "refused at once" } else { "NOT refused" };
        let parts = count(report.parts, "part");
        let text = format!("the radiologist is {at_once}; {parts} re-keyed and renamed");
        Ok(Told::new(text, refused && done && renewed, took).with_bytes(report.bytes, None))
    }

    fn was_shared(&self, item: &ItemInfo) -> bool {
        self.shared.iter().any(|shared| shared.item == item.item)
    }

    /// Changes one byte on the cloud's disk, reads, and puts it back.
    async fn tamper(&self) -> Result<Told> {
        let now = packs::files(&self.cloud.parts())?;
        // Re-keying has just written these, so they hold what was shared.
        for pack in now.difference(&self.packs) {
            let changed = ChangedByte::in_largest_part(pack)?;
            let begun = Instant::now();
            let outcome = read(&self.cast.patient, self.record, &self.shared).await;
            let took = begun.elapsed();
            drop(changed);
            match outcome {
                Err(VaultError::Tampered(Tampering::Part { item, index })) => {
                    let whole = read(&self.cast.patient, self.record, &self.shared).await.is_ok();
                    let name =
                        self.shared.iter().find(|known| known.item == item).map_or("", |it| &it.label.name);
                    let text = format!(
                        "one byte of one part changed on disk → refused: part {index} of {name} does not match its manifest"
                    );
                    return Ok(Told::new(text, whole, took));
                }
                Err(other) => return Err(other.into()),
                // The part belonged to another item, such as the index.
                Ok(_) => {}
            }
        }
        Ok(Told::new("a changed byte was NOT noticed", false, Duration::ZERO))
    }

    async fn audit(&self) -> Result<Told> {
        let begun = Instant::now();
        let report = self.cast.patient.audit_verify().await?;
        let took = begun.elapsed();
        let events = self.cast.patient.audit_events().await?;
        let is_reading = |kind, handle: Option<&cowl_domain::Handle>| {
            kind == EventKind::ItemRead && handle.is_some_and(|handle| handle.as_str() == RADIOLOGIST)
        };
        let read = events.iter().any(|event| is_reading(event.kind, event.actor.as_ref()));
        let text = format!(
            "{}, the radiologist's reading among them; log proven from checkpoint {} to {}",
            count(report.events, "event"),
            report.from,
            report.to,
        );
        Ok(Told::new(text, read && report.events > 0 && report.to >= report.from, took))
    }
}

/// A few words on both sides of the first match.
fn around_match(snippet: &[(String, bool)]) -> String {
    let place = snippet.iter().position(|(_, matches)| *matches).unwrap_or_default();
    let text = |pieces: &[(String, bool)]| pieces.iter().map(|(text, _)| text.as_str()).collect::<String>();
    let (before, after) = (text(&snippet[..place]), text(&snippet[place..]));
    let before: Vec<&str> = before.split_whitespace().collect();
    let after: Vec<&str> = after.split_whitespace().collect();
    let first = before.len().saturating_sub(WORDS_BEFORE);
    let last = after.len().min(WORDS_AFTER);
    let mut words = [&before[first..], &after[..last]].concat();
    if first > 0 {
        words.insert(0, "…");
    }
    if last < after.len() {
        words.push("…");
    }
    words.join(" ")
}

/// The largest study; where there is none, the first few items.
fn worth_sharing(items: &[ItemInfo]) -> (String, Vec<ItemInfo>) {
    let studies: BTreeSet<&str> = items
        .iter()
        .filter_map(|item| item.label.study.as_ref())
        .map(|study| study.study_uid.as_str())
        .collect();
    let of_study = |uid: &str| -> Vec<ItemInfo> {
        let belongs =
            |item: &&ItemInfo| item.label.study.as_ref().is_some_and(|study| study.study_uid == uid);
        items.iter().filter(belongs).cloned().collect()
    };
    let Some(largest) = studies.into_iter().map(of_study).max_by_key(Vec::len) else {
        let first: Vec<ItemInfo> = items.iter().take(FIRST).cloned().collect();
        return (count(first.len() as u64, "file"), first);
    };
    let described =
        largest.iter().filter_map(|item| item.label.study.as_ref()).map(|study| study.description.trim());
    let title = described.into_iter().find(|text| !text.is_empty()).unwrap_or("without a title");
    (format!("study \"{title}\""), largest)
}

/// Opens items and yields their names and the digests of what came out.
async fn read(
    vault: &Vault,
    record: RecordId,
    items: &[ItemInfo],
) -> cowl_vault::Result<Vec<(String, Digest)>> {
    let (small, large): (Vec<_>, Vec<_>) = items.iter().cloned().partition(|item| item.size <= SMALL);
    let mut opened = Vec::new();
    if !small.is_empty() {
        let mut take = |info: ItemInfo, content: Vec<u8>| {
            opened.push((info.label.name, Digest::of(&content)));
            Ok(())
        };
        vault.get_many(record, &ids(&small), &mut take, &Silent).await?;
    }
    for item in large {
        let mut hashing = Hashing(Hasher::new());
        vault.get(record, item.item, &mut hashing, &Silent).await?;
        opened.push((item.label.name, hashing.0.finalize()));
    }
    Ok(opened)
}

struct Hashing(Hasher);

impl std::io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Whether the cloud said no, as it should; any other failure is none of its merits.
fn is_refused<T>(outcome: &cowl_vault::Result<T>) -> bool {
    matches!(outcome, Err(VaultError::Refused(_) | VaultError::NotFound { .. }))
}

fn ids(items: &[ItemInfo]) -> Vec<ItemId> {
    items.iter().map(|item| item.item).collect()
}

/// Words to show of a search result.
const WORDS_BEFORE: usize = 3;
const WORDS_AFTER: usize = 6;
/// Items to share where there is no study.
const FIRST: usize = 3;
/// Bytes of an item that is read as a whole.
const SMALL: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_result_is_shown_in_a_few_words() {
        let piece = |text: &str, matches| (text.to_owned(), matches);
        let snippet = [
            piece("… is unchanged. There is no ", false),
            piece("metastasis", true),
            piece(" in the left\n", false),
            piece("lung", true),
            piece(", and no new nodule", false),
        ];
        assert_eq!(around_match(&snippet), "… There is no metastasis in the left lung, and …");
        assert_eq!(around_match(&[]), "");
    }
}
