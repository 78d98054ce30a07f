//! What templates print, and that none of them does harm.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn given(text: &str) -> Given<String> {
    Given::unwritten(text.to_owned())
}

fn rendered(text: &str) -> String {
    let value = json!({
        "Name": "web one", "Size": 5, "Names": ["a", "b"], "None": null, "Empty": "", "On": true,
        "Labels": {"b": "2", "a": "1"}, "Sub": {"Deep": [{"X": 1}]},
    });
    one(&value, &given(text)).map_or_else(|error| format!("{}", error.code()), |text| text.trim_end().to_owned())
}

#[test]
fn templates_are_gos_with_podmans_functions() {
    for (template, text) in [
        ("{{.Name}}", "web one"),
        ("{{json .Names}}", r#"["a","b"]"#),
        ("{{.Labels | json}}", r#"{"a":"1","b":"2"}"#),
        ("{{upper .Name}} {{lower \"ABC\"}} {{title .Name}}", "WEB ONE abc Web One"),
        ("{{join .Names \",\"}}|{{join .None \",\"}}", "a,b|"),
        ("{{index (split .Name \" \") 1}}", "one"),
        ("{{pad .Name 1 2}}|{{pad .Empty 1 2}}|", " web one  ||"),
        ("{{truncate .Name 3}}{{truncate .Name 99}}", "webweb one"),
        ("{{range .Names}}<{{.}}>{{end}}", "<a><b>"),
        ("{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "a=1;b=2;"),
        ("{{if .On}}yes{{else}}no{{end}}{{if and .On (eq .Size 5)}}!{{end}}", "yes!"),
        ("{{with .Empty}}some{{else}}none{{end}}", "none"),
        ("{{printf \"%-8s|%03d|%q\" .Name .Size .Empty}}", "web one |005|\"\""),
        ("{{len .Names}}{{len .Labels}}", "22"),
        ("{{index .Labels \"a\"}}{{.Labels.b}}{{.Labels.absent}}", "12<no value>"),
        ("{{(index .Sub.Deep 0).X}}", "1"),
        ("{{if gt .Size 4}}large{{end}}{{- /* a comment */ -}}", "large"),
        ("{{slice .Name 0 3}}\\t{{println .Size}}", "web\t5"),
        ("{{.Nmae}}", "UR0806"),
        ("{{.Name", "UR0806"),
        ("{{frob .Name}}", "UR0806"),
        ("{{join .Name \",\"}}", "UR0806"),
        ("{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}", "UR0806"),
    ] {
        assert_eq!(rendered(template), text, "{template}");
    }
    assert!(one(&json!({"A": 1}), &given("{{ json . }}")).unwrap().contains("\n     \"A\": 1"));
}

fn listing() -> Listing {
    let row = |id: &str, size: u64| {
        let fields = [("ID", json!(id)), ("Size", json!(size)), ("CreatedAt", json!("now"))];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    };
    Listing {
        columns: &[("ID", "IMAGE ID"), ("Size", "SIZE")],
        rows: vec![row("aaa", 1), row("bbbb", 2)],
        json: json!([{"Id": "aaa"}, {"Id": "bbbb"}]),
    }
}

#[test]
fn listings_are_lines_tables_and_documents() {
    let show = |format: &str, headings| show_with(&listing(), Some(&given(format)), headings).unwrap();
    assert_eq!(show("{{.ID}}", Headings::Shown), "aaa\nbbbb\n");
    assert_eq!(show("{{.ID}}\\n", Headings::Shown), "aaa\nbbbb\n");
    assert_eq!(show("{{range .}}{{.ID}},{{end}}", Headings::Shown), "aaa,bbbb,\n");
    let text = "IMAGE ID    CREATED AT\naaa         now\nbbbb        now\n";
    assert_eq!(show("table {{.ID}}\\t{{.CreatedAt}}", Headings::Shown), text);
    assert_eq!(show("table {{.ID}} {{.CreatedAt}}", Headings::Shown), text);
    assert_eq!(show("table {{.ID}}", Headings::Hidden), "aaa\nbbbb\n");
    assert_eq!(show("table", Headings::Hidden), "aaa         1\nbbbb        2\n");
    for json in ["json", "{{json .}}"] {
        assert!(show(json, Headings::Shown).starts_with("[\n     {\n          \"Id\": \"aaa\"\n"), "{json}");
    }
    let refused = show_with(&listing(), Some(&given("{{.Id}}")), Headings::Shown).unwrap_err();
    assert!(refused.report().facts[0].contains("ID"), "{:?}", refused.report().facts);
}

#[test]
fn documents_are_a_list_or_one_after_the_other() {
    let values = || vec![json!({"Id": 1}), json!({"Id": 2})];
    assert_eq!(each(values(), Some(&given("{{.Id}}"))).unwrap(), "1\n2\n");
    assert!(each(values(), None).unwrap().starts_with("[\n     {"));
    assert_eq!(each(Vec::new(), None).unwrap(), "[]\n");
}

proptest! {
    #[test]
    fn no_text_does_harm(text in "\\PC{0,60}") {
        let _ = rendered(&text);
        let _ = show(&listing(), Some(&given(&text)));
    }

    #[test]
    fn no_template_does_harm(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "{{", "}}", ".", ".Names", ".Labels", ".Size", "range", "end", "if", "with", "else", "$x", ":=", "|", "json", "join",
            "split", "pad", "truncate", "printf", "\"%*d\"", "index", "slice", "len", "(", ")", "-1", "9223372036854775807", "\"\"",
            "define \"x\"", "template \"x\"", "block \"y\" .", " ", "-", "eq", "table ", "'a'", "`", "title", "1e400", "call", "break",
        ]), 0..24)
    ) {
        let text = parts.join(" ");
        let _ = rendered(&text);
        let _ = show(&listing(), Some(&given(&text)));
    }
}
