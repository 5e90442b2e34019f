//! One page with everything in it: no script, nothing fetched, nothing sent.

use std::fmt::Write as _;

use super::canvas::{Plot, PlotError, svg};
use super::picture::Picture;

/// What goes onto a page.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Report {
    pub(crate) title: String,
    /// One sentence below the title.
    pub(crate) summary: String,
    /// What was asked, by whom, of what: names and their values.
    pub(crate) asked: Vec<(String, String)>,
    /// The query as it was written, if there is one.
    pub(crate) query: Option<String>,
    pub(crate) sections: Vec<Section>,
    /// Who learnt what.
    pub(crate) learnt: Vec<Learnt>,
    /// What proves the result: names and their values.
    pub(crate) evidence: Vec<(String, String)>,
}

/// A party, and what it knows now that it did not know before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Learnt {
    pub(crate) party: String,
    pub(crate) facts: Vec<String>,
}

/// A piece of the results.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Section {
    Heading(String),
    Text(String),
    Sheet(Sheet),
    /// A drawing made by [`Section::plot`].
    Plot {
        svg: String,
        description: String,
    },
    /// Pictures side by side, each over its caption.
    Pictures(Vec<Picture>),
    /// Colours with their names.
    Swatches(Vec<(String, [u8; 3])>),
}

impl Section {
    /// A plot.
    ///
    /// # Errors
    /// [`PlotError`].
    pub(crate) fn plot(plot: &impl Plot) -> Result<Self, PlotError> {
        Ok(Self::Plot { svg: svg(plot)?, description: plot.description() })
    }
}

/// A table of texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sheet {
    pub(crate) caption: String,
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    /// Columns of texts; all others are of figures, which are aligned to the right.
    pub(crate) texts: Vec<usize>,
}

impl Report {
    /// The page.
    pub(crate) fn html(&self) -> String {
        let mut page = Page(String::with_capacity(16 << 10));
        let title = escaped(&self.title);
        page.0 += HEAD_BEFORE_TITLE;
        page.raw(format_args!("<title>{title}</title><style>{STYLE}</style></head><body><main>"));
        page.raw(format_args!("<h1>{title}</h1><p class=\"summary\">{}</p>", escaped(&self.summary)));
        if !self.asked.is_empty() || self.query.is_some() {
            page.heading("What was asked");
            page.query(self.query.as_deref());
            page.pairs(&self.asked);
        }
        if !self.sections.is_empty() {
            page.heading("What came out");
            self.sections.iter().for_each(|section| page.section(section));
        }
        page.learnt(&self.learnt);
        if !self.evidence.is_empty() {
            page.heading("What proves it");
            page.pairs(&self.evidence);
        }
        page.raw(format_args!("<footer>{FOOTER}</footer></main></body></html>\n"));
        page.0
    }
}

struct Page(String);

impl Page {
    /// Text that is HTML already.
    fn raw(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("writing to a String cannot fail");
    }

    fn heading(&mut self, text: &str) {
        self.raw(format_args!("<h2>{}</h2>", escaped(text)));
    }

    fn query(&mut self, query: Option<&str>) {
        if let Some(query) = query {
            self.raw(format_args!("<pre><code>{}</code></pre>", escaped(query)));
        }
    }

    fn pairs(&mut self, pairs: &[(String, String)]) {
        if pairs.is_empty() {
            return;
        }
        self.raw(format_args!("<dl>"));
        for (name, value) in pairs {
            self.raw(format_args!("<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value)));
        }
        self.raw(format_args!("</dl>"));
    }

    fn section(&mut self, section: &Section) {
        match section {
            Section::Heading(text) => self.raw(format_args!("<h3>{}</h3>", escaped(text))),
            Section::Text(text) => self.raw(format_args!("<p>{}</p>", escaped(text))),
            Section::Sheet(sheet) => self.sheet(sheet),
            Section::Plot { svg, description } => self.raw(format_args!(
                "<figure role=\"img\" aria-label=\"{}\">{svg}</figure>",
                escaped(description)
            )),
            Section::Pictures(pictures) => self.pictures(pictures),
            Section::Swatches(colours) => self.swatches(colours),
        }
    }

    fn pictures(&mut self, pictures: &[Picture]) {
        self.raw(format_args!("<div class=\"pictures\">"));
        for picture in pictures {
            let (caption, (width, height)) = (escaped(&picture.caption), picture.size());
            // Memory is all that an encoder that writes into it can run out of.
            let Ok(uri) = picture.uri() else { continue };
            self.raw(format_args!(
                "<figure class=\"picture\"><img src=\"{uri}\" width=\"{width}\" height=\"{height}\" alt=\"{caption}\">\
                 <figcaption>{caption}</figcaption></figure>"
            ));
        }
        self.raw(format_args!("</div>"));
    }

    fn swatches(&mut self, colours: &[(String, [u8; 3])]) {
        self.raw(format_args!("<p class=\"swatches\">"));
        for (name, [red, green, blue]) in colours {
            self.raw(format_args!(
                "<span><i style=\"background:rgb({red},{green},{blue})\"></i>{}</span> ",
                escaped(name)
            ));
        }
        self.raw(format_args!("</p>"));
    }

    fn sheet(&mut self, sheet: &Sheet) {
        let class = |column: usize| if sheet.texts.contains(&column) { "" } else { " class=\"figure\"" };
        self.raw(format_args!("<div class=\"sheet\"><table><caption>{}</caption>", escaped(&sheet.caption)));
        self.raw(format_args!("<thead><tr>"));
        for (column, head) in sheet.head.iter().enumerate() {
            self.raw(format_args!("<th scope=\"col\"{}>{}</th>", class(column), escaped(head)));
        }
        self.raw(format_args!("</tr></thead><tbody>"));
        for row in &sheet.rows {
            self.raw(format_args!("<tr>"));
            for (column, cell) in row.iter().enumerate() {
                self.raw(format_args!("<td{}>{}</td>", class(column), escaped(cell)));
            }
            self.raw(format_args!("</tr>"));
        }
        self.raw(format_args!("</tbody></table></div>"));
    }

    fn learnt(&mut self, learnt: &[Learnt]) {
        if learnt.is_empty() {
            return;
        }
        self.heading("Who learnt what");
        self.raw(format_args!("<dl class=\"learnt\">"));
        for Learnt { party, facts } in learnt {
            self.raw(format_args!("<dt>{}</dt><dd><ul>", escaped(party)));
            for fact in facts {
                self.raw(format_args!("<li>{}</li>", escaped(fact)));
            }
            self.raw(format_args!("</ul></dd>"));
        }
        self.raw(format_args!("</dl>"));
    }
}

/// Text that cannot become markup, in elements and in quoted attributes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            character => escaped.push(character),
        }
    }
    escaped
}

/// The policy forbids whatever a page could do beyond being read.
const HEAD_BEFORE_TITLE: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">";
const STYLE: &str = include_str!("page.css");
const FOOTER: &str = "Made by Cowl. The page holds everything it shows; it fetches and sends nothing.";
