//! What may be asked, and what is refused under which name.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic where it fails")]

#[allow(dead_code, reason = "the schemas of the suite are used here, its oracle is not")]
mod conformance;

use conformance::granted;
use cowl_domain::table::{ColumnRole, Layout};
use cowl_query::{
    Aggregate, AggregateFunction, Catalog, Cell, ColumnRef, Comparison, Condition, MOST_CONDITIONS,
    MOST_TOKENS, Order, OrderKey, Output, Query, QueryRefusal, parse,
};

fn catalog() -> Catalog {
    Catalog { tables: vec![granted("stays", 100), granted("patients", 20)] }
}

fn ask(sql: &str) -> Result<Query, QueryRefusal> {
    parse(sql, &catalog())
}

fn column(column: u16) -> ColumnRef {
    ColumnRef { table: 0, column }
}

#[test]
fn the_query_of_the_manual_is_read() {
    let query = ask("SELECT ward, count(*), enc_avg(los), enc_var(los), enc_corr(los, lactate) FROM stays \
         WHERE admitted >= '2008-01-01' GROUP BY ward ORDER BY count(*) DESC, ward LIMIT 5;")
    .unwrap();
    let aggregate = |function, set, columns: &[u16]| {
        Output::Aggregate(Aggregate { function, set, columns: columns.to_vec(), penalty: None })
    };
    assert_eq!(
        query.outputs,
        [
            Output::Key(0),
            Output::Count,
            aggregate(AggregateFunction::Average, 1, &[6]),
            aggregate(AggregateFunction::Variance, 0, &[6]),
            aggregate(AggregateFunction::Correlation, 0, &[6, 7]),
        ]
    );
    let value = Cell::Text("2008-01-01".to_owned());
    let comparison = Comparison::AtLeast;
    assert_eq!(query.condition, Some(Condition::Compare { column: column(1), comparison, value }));
    assert_eq!(query.keys, [column(0)]);
    assert_eq!(
        query.order,
        [Order { by: OrderKey::Count, descending: true }, Order { by: OrderKey::Key(0), descending: false }]
    );
    assert_eq!((query.limit, query.sets()), (Some(5), vec![0, 1]));
}

#[test]
fn a_ridge_regression_has_its_penalty_before_its_columns() {
    let query = ask("SELECT enc_ridge(0.50, los, lactate) FROM stays").unwrap();
    let Output::Aggregate(ridge) = &query.outputs[0] else { panic!("{query:?}") };
    assert_eq!((ridge.function, &ridge.columns[..]), (AggregateFunction::RidgeRegression, &[6, 7][..]));
    assert_eq!(ridge.penalty, Cell::decimal(5, 1));
    assert_eq!(query.column_names(&[&catalog().tables[0].schema]), ["enc_ridge(0.5, los, lactate)"]);
    assert_eq!(Query::from_bytes(&query.to_bytes(), &catalog()).unwrap(), query);
    let forged = |penalty| {
        let mut forged = query.clone();
        forged.outputs = vec![Output::Aggregate(Aggregate { penalty, ..ridge.clone() })];
        Query::from_bytes(&forged.to_bytes(), &catalog()).unwrap_err()
    };
    for penalty in [None, Cell::decimal(-1, 0), Some(Cell::Integer(1)), Some(Cell::Null)] {
        assert!(matches!(forged(penalty), QueryRefusal::Arguments { .. }));
    }
}

#[test]
fn columns_of_a_result_are_named_by_as_or_by_what_was_asked() {
    let sql = "SELECT ward, count(*) AS patients, enc_avg(los), enc_corr(los, lactate) \"r\" FROM stays GROUP BY ward";
    let (named, catalog) = (ask(sql).unwrap(), catalog());
    let schemas = [&catalog.tables[0].schema];
    assert_eq!(named.column_names(&schemas), ["ward", "patients", "enc_avg(los)", "r"]);
    assert_eq!(Query::from_bytes(&named.to_bytes(), &catalog).unwrap(), named);
    let plain = ask("SELECT ward, count(*) FROM stays GROUP BY ward").unwrap();
    assert_eq!(plain.names, None);
    assert_eq!(plain.column_names(&schemas), ["ward", "count(*)"]);
}

#[test]
fn two_spellings_of_one_query_have_one_digest() {
    let pairs = [
        ("SELECT count(*) FROM stays WHERE age > 3", "select COUNT(*) from STAYS s where 3 < S.Age -- years"),
        ("SELECT count(*) FROM stays WHERE dose = 1", "SELECT count(*) FROM stays WHERE (\"dose\") = 1.00"),
        ("SELECT count(*) FROM stays WHERE urgent = TRUE", "SELECT count(*) FROM stays WHERE urgent = 1"),
        (
            "SELECT count(*) FROM stays WHERE age NOT IN (1, 2)",
            "SELECT count(*) FROM stays WHERE NOT age IN (1, 2)",
        ),
        ("SELECT count(*) FROM stays WHERE age = 2.0", "SELECT count(*) FROM stays WHERE age = 2"),
    ];
    for (one, other) in pairs {
        assert_eq!(ask(one).unwrap().digest(), ask(other).unwrap().digest(), "{one} / {other}");
    }
}

#[test]
fn these_are_allowed() {
    for sql in [
        "SELECT count(*) FROM stays",
        "SELECT enc_linreg(los, lactate) FROM stays",
        "SELECT enc_sum(los), enc_stddev(los), enc_cov(los, lactate) FROM stays WHERE ward = 'A' OR NOT (age < -2.5)",
        "SELECT patient, count(*) FROM stays GROUP BY patient",
        "SELECT count(*) FROM stays WHERE patient IN (X'00', X'ff00') AND patient <> X'01' AND patient IS NOT NULL",
        "SELECT count(*) FROM stays WHERE admitted BETWEEN '2008-01-01' AND '2008-12-31' AND ward LIKE 'Card%'",
        "SELECT p.ward, enc_avg(stays.los) FROM stays JOIN patients AS p ON stays.patient = p.patient GROUP BY p.ward",
        "SELECT p.ward, enc_avg(s.los) FROM stays s INNER JOIN patients p ON p.patient = s.patient GROUP BY p.ward",
        "SELECT count(*) FROM stays WHERE ward = 'x''; DROP TABLE stays; --'",
    ] {
        let query = ask(sql).unwrap_or_else(|refusal| panic!("{sql}: {refusal}"));
        assert_eq!(Query::from_bytes(&query.to_bytes(), &catalog()).unwrap(), query, "{sql}");
    }
}

/// Refusals by table: a name of the test, the query, and what the message begins with.
macro_rules! refused {
    ($($name:ident: $sql:expr => $says:literal;)*) => {
        $(#[test] fn $name() { expect_refusal(&$sql, $says); })*
    };
}

fn expect_refusal(sql: &str, says: &str) {
    let refusal = ask(sql).expect_err("it was allowed").to_string();
    assert!(refusal.starts_with(says), "{sql}\nsays: {refusal}");
}

fn count(tail: &str) -> String {
    format!("SELECT count(*) FROM stays {tail}")
}

fn only(item: &str) -> String {
    format!("SELECT {item} FROM stays")
}

refused! {
    attach_is_refused: "ATTACH DATABASE '/etc/passwd' AS x" => "ATTACH is not allowed";
    pragma_is_refused: "PRAGMA writable_schema = ON" => "PRAGMA is not allowed";
    recursion_is_refused: "WITH RECURSIVE n AS (SELECT 1) SELECT count(*) FROM n" => "WITH is not allowed";
    insert_is_refused: "INSERT INTO stays VALUES (1)" => "INSERT is not allowed";
    explain_is_refused: "EXPLAIN SELECT count(*) FROM stays" => "EXPLAIN is not allowed";
    a_select_in_parentheses_is_refused: "(SELECT count(*) FROM stays)" => "a SELECT in parentheses is not allowed";
    a_second_statement_is_refused: count("; DROP TABLE stays") => "a second statement is not allowed";
    a_union_is_refused: count("UNION ALL SELECT count(*) FROM stays") => "UNION, INTERSECT or EXCEPT is not allowed";
    distinct_is_refused: only("DISTINCT ward") => "DISTINCT is not allowed";
    distinct_in_an_aggregate_is_refused: only("enc_sum(DISTINCT los)") => "DISTINCT in an aggregate is not allowed";
    a_window_function_is_refused: only("enc_sum(los) OVER (PARTITION BY ward)") => "a window function is not allowed";
    filter_is_refused: only("enc_sum(los) FILTER (WHERE age > 3)") => "FILTER is not allowed";
    an_expression_in_an_aggregate_is_refused: only("enc_sum(los * 2)") => "an expression in an aggregate is not allowed";
    an_aggregate_in_an_aggregate_is_refused: only("enc_sum(enc_avg(los))") => "an expression in an aggregate";
    a_subquery_in_an_aggregate_is_refused: only("enc_sum((SELECT los FROM stays))") => "an expression in an aggregate";
    a_star_in_an_aggregate_is_refused: only("enc_sum(*)") => "* in an aggregate is not allowed";
    count_of_a_column_is_refused: only("count(los)") => "count of anything but * is not allowed";
    sum_in_clear_is_refused: only("sum(age)") => "the function sum is not allowed";
    load_extension_is_refused: only("load_extension('x')") => "the function load_extension is not allowed";
    arithmetic_in_select_is_refused: only("count(*) + 1") => "an expression is not allowed";
    a_subquery_in_select_is_refused: only("(SELECT count(*) FROM stays)") => "a subquery is not allowed";
    a_star_is_refused: only("*") => "* is not allowed";
    a_name_given_twice_is_refused: only("count(*) AS n, enc_avg(los) AS n") => "a name that is empty";
    a_ridge_without_penalty_is_refused: only("enc_ridge(los, lactate)") => "enc_ridge without a penalty";
    a_negative_penalty_is_refused: only("enc_ridge(-1, los, lactate)") => "enc_ridge without a penalty";
    an_empty_name_is_refused: only("count(*) AS \" \"") => "a name that is empty";
    an_open_column_in_an_aggregate_is_refused: only("enc_sum(age)") => "column 'age' is open, so it cannot stand in an aggregate";
    a_secret_column_by_itself_is_refused: only("los") => "column 'los' is not in GROUP BY";
    a_key_that_is_not_grouped_by_is_refused: only("ward, count(*)") => "column 'ward' is not in GROUP BY";
    two_columns_in_a_mean_are_refused: only("enc_avg(los, lactate)") => "enc_avg takes one column";
    a_correlation_with_itself_is_refused: only("enc_corr(los, los)") => "enc_corr takes two different columns";
    a_regression_on_nothing_is_refused: only("enc_linreg(los)") => "enc_linreg takes a target";
    having_is_refused: count("GROUP BY ward HAVING count(*) > 1") => "HAVING is not allowed";
    rollup_is_refused: count("GROUP BY ROLLUP (ward)") => "an expression in GROUP BY is not allowed";
    an_expression_in_group_by_is_refused: count("GROUP BY age + 1") => "an expression in GROUP BY is not allowed";
    a_secret_column_in_group_by_is_refused: count("GROUP BY los") => "column 'los' is secret, so it cannot stand in GROUP BY";
    a_secret_column_in_where_is_refused: count("WHERE los > 3") => "column 'los' is secret, so it cannot stand in WHERE";
    an_order_by_a_secret_sum_is_refused: count("ORDER BY enc_sum(los)") => "an encrypted aggregate in ORDER BY";
    an_offset_is_refused: count("LIMIT 1 OFFSET 2") => "OFFSET is not allowed";
    a_negative_limit_is_refused: count("LIMIT -1") => "that LIMIT is not allowed";
    a_subquery_in_where_is_refused: count("WHERE age IN (SELECT age FROM patients)") => "a subquery is not allowed";
    exists_is_refused: count("WHERE EXISTS (SELECT count(*) FROM patients)") => "a subquery is not allowed";
    a_function_in_where_is_refused: count("WHERE ward = randomblob(1000000000)") => "a function in WHERE is not allowed";
    arithmetic_in_where_is_refused: count("WHERE age + 1 = 2") => "an expression is not allowed";
    a_constant_condition_is_refused: count("WHERE 1 = 1") => "a value by itself is not allowed";
    two_columns_compared_are_refused: count("WHERE ward = admitted") => "a column compared with a column is not allowed";
    case_is_refused: count("WHERE CASE WHEN age = 1 THEN TRUE END") => "CASE is not allowed";
    a_cast_is_refused: count("WHERE CAST(age AS TEXT) = '1'") => "CAST is not allowed";
    a_collation_is_refused: count("WHERE ward COLLATE nocase = 'a'") => "COLLATE is not allowed";
    a_pattern_in_the_middle_is_refused: count("WHERE ward LIKE '%a%b%'") => "that LIKE is not allowed";
    an_order_of_tokens_is_refused: count("WHERE patient > X'00'") => "column 'patient' cannot be compared with that: tokens have no order";
    a_token_as_a_text_is_refused: count("WHERE patient = 'Miller'") => "column 'patient' cannot be compared with that";
    a_day_in_another_form_is_refused: count("WHERE admitted > '1.2.2008'") => "column 'admitted' cannot be compared with that: it holds days";
    a_number_for_a_text_is_refused: count("WHERE ward = 3") => "column 'ward' cannot be compared with that";
    null_as_a_value_is_refused: count("WHERE ward = NULL") => "column 'ward' cannot be compared with that";
    a_placeholder_is_refused: count("WHERE age = ?") => "column 'age' cannot be compared with that";
    a_list_of_tables_is_refused: count(", patients") => "a list of tables is not allowed";
    a_cross_join_is_refused: count("CROSS JOIN patients") => "CROSS JOIN is not allowed";
    a_left_join_is_refused: count("LEFT JOIN patients p ON stays.patient = p.patient") => "a join other than INNER is not allowed";
    a_natural_join_is_refused: count("JOIN patients USING (patient)") => "a join without ON a.token = b.token is not allowed";
    a_join_by_order_is_refused: count("JOIN patients p ON stays.patient < p.patient") => "a join without ON a.token = b.token";
    a_join_on_open_columns_is_refused: count("JOIN patients p ON stays.age = p.age") => "column 'age' is open, so it cannot stand in a join";
    a_join_of_a_table_with_itself_is_refused: count("JOIN stays s ON stays.patient = s.patient") => "a join of a table with itself is not allowed";
    a_join_with_nothing_of_its_own_is_refused: count("JOIN patients p ON stays.patient = stays.patient") => "a join that does not link";
    an_aggregate_of_a_joined_table_is_refused: "SELECT enc_sum(p.los) FROM stays JOIN patients p ON stays.patient = p.patient" => "an aggregate of a joined table";
    a_subquery_in_from_is_refused: "SELECT count(*) FROM (SELECT 1)" => "a subquery in FROM is not allowed";
    a_table_function_is_refused: "SELECT count(*) FROM pragma_table_info('stays')" => "a table function is not allowed";
    another_database_is_refused: "SELECT count(*) FROM main.stays" => "a table's name of several parts is not allowed";
    the_schema_table_is_unknown: "SELECT count(*) FROM sqlite_schema" => "there is no table 'sqlite_schema'";
    an_unknown_column_is_refused: count("WHERE rowid = 1") => "there is no column 'rowid'";
    an_ambiguous_column_is_refused: count("JOIN patients p ON stays.patient = p.patient WHERE age = 1") => "'age' is a column of several tables";
    no_from_is_refused: "SELECT count(*)" => "a SELECT without FROM is not allowed";
    nothing_is_refused: "" => "the query is not SQL that can be read";
    half_a_text_is_refused: count("WHERE ward = 'A") => "the query is not SQL that can be read";
    a_long_text_is_refused: count(&" ".repeat(70_000)) => "the query has more than 65536 bytes";
    many_words_are_refused: count(&format!("WHERE age IN (1{})", ", 1".repeat(MOST_TOKENS))) => "the query has more than 4000 words";
    a_long_list_is_refused: count(&format!("WHERE age IN (1{})", ", 1".repeat(1_000))) => "the query has more than 1000 values";
    many_conditions_are_refused: count(&format!("WHERE age = 1{}", " OR age = 1".repeat(MOST_CONDITIONS))) => "the query has more than 200 conditions";
    deep_parentheses_are_refused: count(&format!("WHERE {}age = 1{}", "(".repeat(1_500), ")".repeat(1_500))) => "the query has more than 16 levels";
    deep_negations_are_refused: count(&format!("WHERE {}age = 1", "NOT ".repeat(30))) => "the query has more than 16 levels";
    negations_without_end_are_refused: count(&format!("WHERE {}age = 1", "NOT ".repeat(3_000))) => "the query";
    seventeen_levels_are_refused: count(&format!("WHERE {}age = 1{}", "NOT (".repeat(9), ")".repeat(9))) => "the query has more than 16 levels";
    a_long_sum_is_refused: count(&format!("WHERE age = 1{}", " + 1".repeat(1_900))) => "an expression is not allowed";
    a_long_chain_of_tests_is_refused: count(&format!("WHERE age{}", " IS NULL".repeat(1_900))) => "an expression is not allowed";
}

#[test]
fn an_aggregate_without_its_set_names_the_layout_that_would_do() {
    let mut catalog = catalog();
    catalog.tables[0].schema.sets.remove(0);
    let refusal = parse("SELECT enc_var(los) FROM stays", &catalog).unwrap_err().to_string();
    assert!(refusal.starts_with("enc_var(los) cannot be had") && refusal.ends_with("moments"), "{refusal}");
    assert!(parse("SELECT enc_avg(los) FROM stays", &catalog).is_ok());
    let refusal = parse("SELECT enc_avg(lactate) FROM stays", &catalog).unwrap_err().to_string();
    assert!(refusal.ends_with("moments or cells"), "{refusal}");
    assert!(matches!(catalog.tables[0].schema.sets[1].layout, Layout::Columns { .. }));
}

#[test]
fn a_query_over_the_wire_is_refused_when_its_table_has_changed() {
    let query = ask(&only("enc_avg(los)")).unwrap();
    let mut later = catalog();
    later.tables[0].schema.columns[6].role = ColumnRole::Open;
    later.tables[0].schema.sets.clear();
    let refused = Query::from_bytes(&query.to_bytes(), &later).unwrap_err();
    assert_eq!(refused, QueryRefusal::OtherSchema("stays".to_owned()));
}

#[test]
fn a_query_over_the_wire_is_refused_what_sql_is_refused() {
    let allowed = ask(&count("WHERE age = 1")).unwrap();
    let value = Cell::Integer(1);
    let secret = Condition::Compare { column: column(6), comparison: Comparison::Equal, value };
    let mut deep = secret.clone();
    for _ in 0..400 {
        deep = Condition::Not(Box::new(deep));
    }
    let conditions =
        [secret, deep, Condition::All(vec![]), Condition::OneOf { column: column(2), values: vec![] }];
    for condition in conditions {
        let query = Query { condition: Some(condition), ..allowed.clone() };
        assert!(Query::from_bytes(&query.to_bytes(), &catalog()).is_err());
    }
}
