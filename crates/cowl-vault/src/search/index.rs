//! The index of one device.

use std::collections::BTreeSet;
use std::sync::Arc;

use cowl_domain::{ItemId, RecordId};
use tantivy::directory::RamDirectory;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, MergePolicy, NoMergePolicy};
use tantivy::schema::{
    BytesOptions, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions, Value,
};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{
    IndexReader, IndexSettings, IndexWriter, InvertedIndexReader, ReloadPolicy, Searcher, TantivyDocument,
    TantivyError, Term as EngineTerm,
};

use super::expansion::{self, Term};
use super::ranking::{self, Ranked};
use super::saved::{self, SavedIndex};
use super::snippet::Sought;
use super::{Hit, SearchError, TextDocument, words};

/// A search index in memory.
///
/// Changes are seen by [`Index::search`] after [`Index::commit`]. Searches may run at the same time on many
/// threads.
pub struct Index {
    fields: Fields,
    directory: RamDirectory,
    engine: tantivy::Index,
    reader: IndexReader,
    /// Made when first needed: it has threads and buffers of its own.
    writer: Option<IndexWriter>,
    segments: BTreeSet<ItemId>,
}

impl Index {
    /// An empty index.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn new() -> Result<Self, SearchError> {
        let directory = RamDirectory::create();
        let settings = IndexSettings {
            docstore_blocksize: STORE_BLOCK,
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let engine = tantivy::Index::create(directory.clone(), schema(), settings)?;
        Self::over(directory, engine, BTreeSet::new())
    }

    /// The index that [`Index::save`] wrote.
    ///
    /// # Errors
    /// [`SearchError::Unusable`] for anything else.
    pub fn load(bytes: &[u8]) -> Result<Self, SearchError> {
        let saved = saved::read(bytes)?;
        let directory = saved.directory()?;
        let engine = tantivy::Index::open(directory.clone())?;
        if engine.schema() != schema() {
            return Err(SearchError::Unusable("it was made by another version of cowl"));
        }
        Self::over(directory, engine, saved.segments.into_iter().collect())
    }

    fn over(
        directory: RamDirectory,
        engine: tantivy::Index,
        segments: BTreeSet<ItemId>,
    ) -> Result<Self, SearchError> {
        engine.tokenizers().register(TOKENIZER, words::analyzer());
        let reader = engine.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let fields = Fields::of(&engine.schema())?;
        Ok(Self { fields, directory, engine, reader, writer: None, segments })
    }

    /// Adds the documents of a segment, which is known by the item that it is sealed as. A document takes
    /// the place of one that the index holds of the same item.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn add(&mut self, segment: ItemId, documents: &[TextDocument]) -> Result<(), SearchError> {
        let fields = self.fields;
        let writer = self.writer()?;
        for document in documents {
            writer.delete_term(fields.item_term(document.item));
            writer.add_document(fields.engine_document(segment, document))?;
        }
        self.segments.insert(segment);
        Ok(())
    }

    /// Forgets an item.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn remove_item(&mut self, item: ItemId) -> Result<(), SearchError> {
        let term = self.fields.item_term(item);
        self.writer()?.delete_term(term);
        Ok(())
    }

    /// Forgets all items of a record, e.g. when its grant has ended.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn remove_record(&mut self, record: RecordId) -> Result<(), SearchError> {
        let term = EngineTerm::from_field_bytes(self.fields.record, record.as_bytes());
        self.writer()?.delete_term(term);
        Ok(())
    }

    /// Forgets a segment and what was added with it.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn remove_segment(&mut self, segment: ItemId) -> Result<(), SearchError> {
        let term = EngineTerm::from_field_bytes(self.fields.segment, segment.as_bytes());
        self.writer()?.delete_term(term);
        self.segments.remove(&segment);
        Ok(())
    }

    /// Makes all changes visible to searches.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn commit(&mut self) -> Result<(), SearchError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.commit()?;
        merge(&self.engine, writer)?;
        self.reader.reload()?;
        Ok(())
    }

    /// The segments that have been added.
    pub fn segments(&self) -> impl Iterator<Item = &ItemId> {
        self.segments.iter()
    }

    /// How many documents searches see.
    pub fn document_count(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// Commits, and writes the whole index as one string of bytes. It holds the text of all documents in the
    /// clear: it is to be sealed, and loaded only from a seal.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn save(&mut self) -> Result<Vec<u8>, SearchError> {
        self.commit()?;
        let files = saved::files(&self.engine, &self.directory)?;
        Ok(saved::write(&SavedIndex::new(self.segments.iter().copied().collect(), &files)))
    }

    /// The documents that answer the query best, at most `limit` of them, best first.
    ///
    /// # Errors
    /// [`SearchError::Engine`].
    pub fn search(&self, query: &str, limit: usize) -> Result<Vec<Hit>, SearchError> {
        let searcher = self.reader.searcher();
        let mut analyzer = words::analyzer();
        let indexes = self.inverted_indexes(&searcher)?;
        let words = expand(&mut analyzer, query, &indexes)?;
        let ranked = ranking::rank(&searcher, self.fields.words, &indexes, &words, limit)?;
        let sought = Sought::new(&words);
        ranked.iter().map(|found| self.hit(&searcher, &sought, &mut analyzer, found)).collect()
    }

    fn inverted_indexes(&self, searcher: &Searcher) -> tantivy::Result<Vec<Arc<InvertedIndexReader>>> {
        searcher.segment_readers().iter().map(|segment| segment.inverted_index(self.fields.words)).collect()
    }

    fn hit(
        &self,
        searcher: &Searcher,
        sought: &Sought<'_>,
        analyzer: &mut TextAnalyzer,
        found: &Ranked,
    ) -> Result<Hit, SearchError> {
        let stored = self.fields.document(&searcher.doc(found.address)?);
        let TextDocument { item, record, title, date, text } =
            stored.ok_or(SearchError::Unusable("a stored document is damaged"))?;
        let (snippet, matched) = sought.show(analyzer, &title, &text);
        Ok(Hit { item, record, title, date, score: found.score(), snippet, matched })
    }

    fn writer(&mut self) -> Result<&mut IndexWriter, SearchError> {
        match self.writer {
            Some(ref mut writer) => Ok(writer),
            ref mut none => {
                let options = IndexWriterOptions::builder()
                    .num_worker_threads(1)
                    .num_merge_threads(1)
                    .memory_budget_per_thread(WRITER_MEMORY)
                    .build();
                let writer = self.engine.writer_with_options(options)?;
                writer.set_merge_policy(Box::new(NoMergePolicy));
                Ok(none.insert(writer))
            }
        }
    }
}

/// What is unpacked to show one hit, in bytes: about two notes.
const STORE_BLOCK: usize = 4096;

/// How many bytes of postings are gathered before they are written into the directory.
const WRITER_MEMORY: usize = 64 << 20;

/// Merges within the call, not in the background: what is saved is then always complete.
fn merge(engine: &tantivy::Index, writer: &mut IndexWriter) -> tantivy::Result<()> {
    let candidates = LogMergePolicy::default().compute_merge_candidates(&engine.searchable_segment_metas()?);
    for candidate in &candidates {
        writer.merge(&candidate.0).wait()?;
    }
    if !candidates.is_empty() {
        writer.garbage_collect_files().wait()?;
    }
    Ok(())
}

/// More words than this tell nothing more.
const MAX_QUERY_WORDS: usize = 16;

/// The query's words, each with what it stands for. The last may be unfinished.
fn expand(
    analyzer: &mut TextAnalyzer,
    query: &str,
    indexes: &[Arc<InvertedIndexReader>],
) -> Result<Vec<Vec<Term>>, SearchError> {
    let mut typed: Vec<(String, bool)> = Vec::new();
    let mut tokens = analyzer.token_stream(query);
    while tokens.advance() && typed.len() < MAX_QUERY_WORDS {
        let token = tokens.token();
        typed.push((token.text.clone(), token.offset_to == query.len()));
    }
    let mut seen = BTreeSet::new();
    typed.retain(|(word, unfinished)| *unfinished || seen.insert(word.clone()));
    typed.iter().map(|(word, unfinished)| Ok(expansion::expand(word, *unfinished, indexes)?)).collect()
}

const TOKENIZER: &str = "words";

fn schema() -> Schema {
    let mut schema = Schema::builder();
    let identifier = BytesOptions::from(INDEXED);
    schema.add_bytes_field("segment", identifier.clone());
    schema.add_bytes_field("item", identifier.clone().set_stored());
    schema.add_bytes_field("record", identifier.set_stored());
    let indexing =
        TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_index_option(IndexRecordOption::WithFreqs);
    schema.add_text_field("words", TextOptions::default().set_indexing_options(indexing).set_stored());
    schema.add_text_field("date", TextOptions::default().set_stored());
    schema.build()
}

#[derive(Clone, Copy)]
struct Fields {
    segment: Field,
    item: Field,
    record: Field,
    /// Title and text, in this order.
    words: Field,
    date: Field,
}

impl Fields {
    fn of(schema: &Schema) -> Result<Self, TantivyError> {
        Ok(Self {
            segment: schema.get_field("segment")?,
            item: schema.get_field("item")?,
            record: schema.get_field("record")?,
            words: schema.get_field("words")?,
            date: schema.get_field("date")?,
        })
    }

    fn item_term(&self, item: ItemId) -> EngineTerm {
        EngineTerm::from_field_bytes(self.item, item.as_bytes())
    }

    fn engine_document(&self, segment: ItemId, document: &TextDocument) -> TantivyDocument {
        let mut engine_document = TantivyDocument::default();
        engine_document.add_bytes(self.segment, segment.as_bytes());
        engine_document.add_bytes(self.item, document.item.as_bytes());
        engine_document.add_bytes(self.record, document.record.as_bytes());
        engine_document.add_text(self.words, &document.title);
        engine_document.add_text(self.words, &document.text);
        if let Some(date) = &document.date {
            engine_document.add_text(self.date, date);
        }
        engine_document
    }

    fn document(&self, stored: &TantivyDocument) -> Option<TextDocument> {
        let identifier = |field| stored.get_first(field)?.as_bytes()?.try_into().ok();
        let mut texts = stored.get_all(self.words).map(|value| value.as_str().map(str::to_owned));
        Some(TextDocument {
            item: ItemId::from_bytes(identifier(self.item)?),
            record: RecordId::from_bytes(identifier(self.record)?),
            title: texts.next()??,
            date: stored.get_first(self.date).and_then(|date| date.as_str().map(str::to_owned)),
            text: texts.next()??,
        })
    }
}
