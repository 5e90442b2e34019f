use std::io::Write;

use cowl_domain::table::ColumnType;

use super::*;

fn columns(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn choice<'a>(plan: &'a SealPlan, column: &str) -> &'a ColumnChoice {
    plan.choices.iter().find(|choice| choice.column == column).unwrap()
}

fn text_of(failure: &Failure) -> String {
    failure.to_string()
}

#[test]
fn without_a_plan_all_secret_columns_make_a_set_of_moments_and_one_of_cells() {
    let arguments = ColumnArguments {
        open: columns(&["ward"]),
        secret: columns(&["los", "age"]),
        ..ColumnArguments::default()
    };
    let plan = SealPlan::resolve(&arguments).unwrap();
    assert_eq!(plan.of_role(ColumnRole::Secret).collect::<Vec<_>>(), ["age", "los"]);
    let sets: Vec<_> = plan.sets.iter().map(|set| (set.name.as_str(), set.columns.len())).collect();
    assert_eq!(sets, [("moments", 2), ("cells", 2)]);
    assert_eq!((plan.key_bits, plan.minimum_cohort), (3072, 1));
}

#[test]
fn the_command_line_goes_before_the_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let text = "key-bits = 2048\nminimum-cohort = 5\n\
                [columns.ward]\nrole = \"open\"\n\
                [columns.los]\nrole = \"secret\"\ntype = \"integer\"\n\
                [columns.name]\nrole = \"open\"\n\
                [[set]]\nname = \"stay\"\nlayout = \"moments\"\ncolumns = [\"los\"]\n";
    file.write_all(text.as_bytes()).unwrap();
    let arguments = ColumnArguments {
        plan: Some(file.path().to_owned()),
        drop: columns(&["name"]),
        standardise: columns(&["los"]),
        minimum_cohort: Some(20),
        ..ColumnArguments::default()
    };
    let plan = SealPlan::resolve(&arguments).unwrap();
    assert_eq!(choice(&plan, "name").role, ColumnRole::Dropped);
    assert_eq!(choice(&plan, "los").kind, Some(ColumnType::Integer));
    assert!(choice(&plan, "los").standardise);
    assert_eq!((plan.key_bits, plan.minimum_cohort), (2048, 20));
    assert_eq!(plan.sets.len(), 1);
}

#[test]
fn sets_are_named_or_get_a_name() {
    let arguments = ColumnArguments {
        secret: columns(&["a", "b", "c"]),
        moments: columns(&["a,b", "b,c", "all=a,b,c"]),
        ..ColumnArguments::default()
    };
    let names: Vec<_> = SealPlan::resolve(&arguments).unwrap().sets.into_iter().map(|set| set.name).collect();
    assert_eq!(names, ["moments", "moments-2", "all"]);
}

#[test]
fn what_cannot_be_meant_is_said() {
    let nothing = SealPlan::resolve(&ColumnArguments::default()).unwrap_err();
    assert!(nothing.hint().unwrap().contains("--write-plan"));
    let twice = ColumnArguments {
        open: columns(&["ward"]),
        secret: columns(&["ward"]),
        ..ColumnArguments::default()
    };
    assert!(text_of(&SealPlan::resolve(&twice).unwrap_err()).contains("two roles"));
    let unknown = ColumnArguments {
        open: columns(&["ward"]),
        kinds: vec![("ward".to_owned(), "colour".to_owned())],
        ..ColumnArguments::default()
    };
    assert!(text_of(&SealPlan::resolve(&unknown).unwrap_err()).contains("'colour' is not a column type"));
    let without_role =
        ColumnArguments { open: columns(&["ward"]), standardise: columns(&["los"]), ..unknown };
    assert!(text_of(&SealPlan::resolve(&without_role).unwrap_err()).contains("'los' has no role"));
}

#[test]
fn a_mistake_in_a_plan_file_is_named_with_its_place() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"[columns.ward]\nrole = \"open\"\ncolour = 1\n").unwrap();
    let arguments = ColumnArguments { plan: Some(file.path().to_owned()), ..ColumnArguments::default() };
    let text = text_of(&SealPlan::resolve(&arguments).unwrap_err());
    assert!(text.contains("line 3") && text.contains("colour"), "{text}");
}
