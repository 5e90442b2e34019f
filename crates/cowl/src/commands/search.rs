//! `cowl search`

use std::fmt;

use cowl_vault::view::SearchHit;
use serde::Serialize;

use super::{Context, items};
use crate::args::SearchArguments;
use crate::columns::printable;
use crate::failure::{Failure, Result};
use crate::session;
use crate::style::{HEAD, MATCH, QUIET};

pub(super) async fn search(context: &Context, arguments: &SearchArguments) -> Result<()> {
    let query = arguments.words.join(" ");
    if query.trim().is_empty() {
        return Err(Failure::usage("search for what? name a word or more"));
    }
    let hits = session::unlock(context).await?.search(&query, arguments.limit.get()).await?;
    let found = !hits.is_empty();
    context.output.data(&Found { hits: hits.into_iter().map(HitRow::from).collect() })?;
    if found { Ok(()) } else { Err(Failure::no(format!("nothing fits '{query}'"))) }
}

/// `cowl search`
#[derive(Debug, Serialize)]
struct Found {
    hits: Vec<HitRow>,
}

/// One result, best first.
#[derive(Debug, Serialize)]
struct HitRow {
    item: String,
    record: String,
    title: String,
    date: Option<String>,
    /// Higher is better.
    score: f32,
    /// Words around the best match.
    snippet: Vec<Piece>,
}

#[derive(Debug, Serialize)]
struct Piece {
    text: String,
    /// Whether this is what was looked for.
    matches: bool,
}

impl From<SearchHit> for HitRow {
    fn from(hit: SearchHit) -> Self {
        Self {
            item: hit.item.to_string(),
            record: hit.record.to_string(),
            title: hit.title,
            date: hit.date,
            score: hit.score,
            snippet: hit.snippet.into_iter().map(|(text, matches)| Piece { text, matches }).collect(),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, hit) in self.hits.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            hit.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for HitRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date.as_deref().unwrap_or_default();
        write!(
            f,
            "{HEAD}{}{HEAD:#}  {QUIET}{date} {}{QUIET:#}\n  ",
            printable(&self.title),
            &self.item[..items::SHORT]
        )?;
        self.snippet.iter().try_for_each(|piece| {
            // A snippet is one line, whatever the note's line breaks.
            let text = printable(&piece.text.replace(['\n', '\r', '\t'], " "));
            if piece.matches { write!(f, "{MATCH}{text}{MATCH:#}") } else { f.write_str(&text) }
        })
    }
}
