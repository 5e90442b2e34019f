use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<RawTable, ImportError> {
    read_csv(text.as_bytes(), &CsvOptions::default())
}

fn report(text: &str) -> ColumnReport {
    read(text).unwrap().report(0)
}

fn refusal(text: &str) -> String {
    read(text).map(|table| table.rows()).unwrap_err().to_string()
}

/// One column `x` with these cells.
fn column(cells: &[&str]) -> ColumnReport {
    report(&format!("x,y\n{}", cells.iter().map(|cell| format!("{cell},1\n")).collect::<String>()))
}

#[test]
fn kinds_are_found_from_all_cells() {
    assert_eq!(column(&["1", "2", "-30"]).kind, ColumnType::Integer);
    assert_eq!(column(&["41.0", "7"]).kind, ColumnType::Integer);
    assert_eq!(column(&["41.5", "7", ""]).kind, ColumnType::Decimal);
    assert_eq!(column(&["0", "1", "NA", "1"]).kind, ColumnType::Binary);
    assert_eq!(column(&["Yes", "no", "yes"]).kind, ColumnType::Binary);
    assert_eq!(column(&["0", "no", "0", "no"]).kind, ColumnType::Category);
    assert_eq!(column(&["MICU", "CCU", "MICU", "CCU"]).kind, ColumnType::Category);
    assert_eq!(column(&["2008-01-01", "2008-12-31"]).kind, ColumnType::Date);
    assert_eq!(column(&["one", "two", "three"]).kind, ColumnType::Text);
    assert_eq!(column(&["", "NA"]).kind, ColumnType::Text);
}

#[test]
fn missing_values_are_counted_by_the_word_that_says_so() {
    let found = column(&["1", "", "NA", "NaN", "nan", "?", "2"]);
    assert_eq!((found.kind, found.present, found.missing_cells()), (ColumnType::Integer, 2, 5));
    let words: Vec<_> = found.missing.iter().map(|(word, count)| (word.as_str(), *count)).collect();
    assert_eq!(words, [("", 1), ("?", 1), ("NA", 1), ("NaN", 1), ("nan", 1)]);
    let options = CsvOptions { missing: MissingWords::with(["-1"]), ..CsvOptions::default() };
    let found = read_csv("LOS\n5\n-1\n".as_bytes(), &options).unwrap().report(0);
    assert_eq!((found.present, found.missing_cells()), (1, 1));
}

#[test]
fn ranges_decimals_and_levels_are_shown() {
    let found = column(&["1.5", "-20", "3.125", "3.125"]);
    assert_eq!(found.decimals, 3);
    let (low, high) = found.range.unwrap();
    assert_eq!((low, high), (Number { mantissa: -20, decimals: 0 }, Number { mantissa: 3_125, decimals: 3 }));
    assert_eq!(found.levels.unwrap()["3.125"], 2);
}

#[test]
fn odd_cells_are_shown_with_their_lines() {
    let mut cells = vec!["7"; 20];
    cells[4] = "seven";
    let found = column(&cells);
    assert_eq!(found.kind, ColumnType::Integer);
    let first = vec![OddCell { line: 6, text: "seven".into() }];
    assert_eq!(found.findings, [Finding::Odd { count: 1, first }]);
}

#[test]
fn decimal_commas_are_found_and_read_when_asked_for() {
    let text = "x;y\n12,5;1\n7;2\n8,25;3\n";
    let found = report(text);
    let odd = OddCell { line: 2, text: "12,5".into() };
    assert_eq!(found.kind, ColumnType::Decimal);
    assert!(found.findings.contains(&Finding::DecimalCommas(odd)));
    let options = CsvOptions { decimal_comma: true, ..CsvOptions::default() };
    let found = read_csv(text.as_bytes(), &options).unwrap().report(0);
    assert_eq!((found.kind, found.decimals, found.findings), (ColumnType::Decimal, 2, vec![]));
}

#[test]
fn columns_that_say_nothing_are_pointed_at() {
    assert_eq!(column(&["", "NA"]).findings, [Finding::AllMissing]);
    assert_eq!(column(&["5", "5", ""]).findings, [Finding::Constant]);
    assert_eq!(column(&["1.0000000001", "2"]).findings, [Finding::ManyDecimals(10)]);
}

#[test]
fn delimiters_quotes_and_byte_order_marks_are_taken_as_they_come() {
    for text in ["a,b\n1,2\n", "a;b\r\n1;2\r\n", "a\tb\n1\t2", "\u{feff}a|b\n1|2\n", " a , b \n 1 , 2 \n"] {
        let table = read(text).unwrap();
        assert_eq!(table.names(), ["a", "b"], "{text:?}");
        assert_eq!(table.cells(1).collect::<Vec<_>>(), [(2, Cell::Text("2"))], "{text:?}");
    }
    let quoted = read("\"a,1\",b\n\"x\ny\",\"say \"\"no\"\"\"\n5,6\n").unwrap();
    assert_eq!(quoted.names(), ["a,1", "b"]);
    assert_eq!(quoted.cells(0).collect::<Vec<_>>(), [(2, Cell::Text("x\ny")), (4, Cell::Text("5"))]);
    assert_eq!(quoted.cells(1).next(), Some((2, Cell::Text("say \"no\""))));
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let lines = |text: &str| read(text).unwrap().cells(0).map(|(line, _)| line).collect::<Vec<_>>();
    assert_eq!(lines("a,b\n1,2\n\n\n3,4\n5,6"), [2, 5, 6]);
    assert_eq!(lines("a,b\r\n1,2\r\n\r\n\"3\r\n\",4\r\n5,6\r\n\r\n"), [2, 4, 6]);
}

#[test]
fn what_is_wrong_is_named_by_line_and_column() {
    assert_eq!(refusal(""), "the file has no header; the first line must name the columns");
    assert_eq!(refusal("a,b\n"), "the file has a header and no rows");
    assert_eq!(refusal("a,b,a\n1,2,3\n"), "columns 1 and 3 are both named 'a'; rename one");
    assert!(refusal("a,,c\n1,2,3\n").starts_with("column 2 has no name"));
    assert!(refusal("a,b\n1,2\n1,2,3\n").starts_with("line 3 has 3 cells and the header 2"));
    assert!(refusal("a,b\n1,2\n1\n").starts_with("line 3 has 1 cells and the header 2"));
    assert!(refusal("a,b\n1,2\n3,\0\n").starts_with("line 3, column 'b' is not UTF-8 text"));
    let latin = read_csv(&b"a,b\n1,\xfcber\n"[..], &CsvOptions::default()).unwrap_err();
    assert!(latin.to_string().starts_with("line 2, column 'b' is not UTF-8 text"));
    let table = read("a,b\n1,2\n").unwrap();
    assert_eq!(table.column("c").unwrap_err().to_string(), "there is no column 'c'; there are a, b");
}

#[test]
fn ten_thousand_columns_are_refused_by_their_number() {
    let header: Vec<_> = (0..10_000).map(|place| format!("c{place}")).collect();
    let text = format!("{}\n", header.join(","));
    assert!(refusal(&text).starts_with("10000 columns are more than the 4096"));
}

#[test]
fn bombs_end_at_the_limits() {
    let limits = Limits { bytes: 200_000, row_bytes: 100_000, cell_bytes: 50, rows: 3, columns: 2 };
    let options = CsvOptions { limits, ..CsvOptions::default() };
    let refused = |text: String| read_csv(text.as_bytes(), &options).unwrap_err().to_string();
    assert!(
        refused(format!("a,b\n1,{}\n", "2".repeat(51))).starts_with("line 2, column 'b' is larger than 50")
    );
    assert!(refused("a\n1\n2\n3\n4\n".into()).starts_with("the number of rows is larger than 3"));
    assert!(refused(format!("a\n\"{}", "x".repeat(300_000))).starts_with("a row (is a quote not closed?)"));
    let long = format!("a\n{}", "\n".repeat(50_000)).repeat(5);
    assert!(refused(long).starts_with("the file is larger than 200000"));
}

/// An endless source: the limits end it, not the memory.
#[test]
fn an_endless_quote_is_given_up() {
    let endless = io::Read::chain(&b"a\n\""[..], io::repeat(b'x'));
    let limits = Limits { row_bytes: 1 << 20, ..Limits::default() };
    let error = read_csv(endless, &CsvOptions { limits, ..CsvOptions::default() }).unwrap_err();
    assert!(matches!(error, ImportError::TooLarge { most: 0x0010_0000, .. }));
}

proptest! {
    #[test]
    fn bytes_from_elsewhere_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(table) = read_csv(&bytes[..], &CsvOptions::default()) {
            for column in 0..table.names().len() {
                table.report(column);
            }
        }
    }

    #[test]
    fn tables_from_elsewhere_never_panic(text in "([-0-9.,;eNA\"\n ]|ab){0,200}") {
        if let Ok(table) = read(&format!("x,y\n{text}")) {
            for column in 0..table.names().len() {
                table.report(column);
            }
        }
    }
}
