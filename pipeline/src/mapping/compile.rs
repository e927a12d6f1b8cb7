//! Checking a mapping, and making of it what can run.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
};

use cartage_model::{ExclusionRule, FieldRule, FieldSpec, Kind, Mapping, RuleValue};

use super::{
    EXPRESSION_CHARS_MAX, RULES_MAX, TEMPLATE_CHARS_MAX,
    catalogue::{is_known, is_list, paths},
    expression::{self, Expression, ITEM},
    issue::{Issue, nearest, reason},
    path::{Path, Segment},
    run::{CompiledMapping, KindPlan, Place, Rule, Source, TemplatePiece},
    schema::{Schema, fills, is_below},
    template,
};

/// The stack of the thread that compiles: VRL's compiler recurses over what a caller wrote.
const STACK_BYTES: usize = 64 << 20;

/// Makes a mapping ready to run.
///
/// # Errors
/// All that is wrong with it; nothing is compiled in part.
pub fn compile(mapping: &Mapping, schema: &dyn Schema) -> Result<CompiledMapping, Vec<Issue>> {
    let broken = |message: &str| {
        Err(vec![Draft::default().issue(reason::EXPRESSION_INVALID, message.to_owned())])
    };
    thread::scope(|scope| {
        let compiler = thread::Builder::new()
            .name("mapping-compiler".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || compile_here(mapping, schema));
        match compiler.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => broken("the compiler of expressions broke down on this mapping"),
            Err(_) => broken("no thread could be started to compile the mapping"),
        }
    })
}

/// All that is wrong with a mapping; nothing when it can run.
pub fn validate(mapping: &Mapping, schema: &dyn Schema) -> Vec<Issue> {
    compile(mapping, schema).err().unwrap_or_default()
}

/// What an issue is about.
#[derive(Clone, Default)]
struct Draft {
    rule_index: Option<usize>,
    exclusion_index: Option<usize>,
    kind: Option<Kind>,
    target_field: String,
}

impl Draft {
    fn issue(&self, reason: &'static str, message: String) -> Issue {
        Issue {
            rule_index: self.rule_index,
            exclusion_index: self.exclusion_index,
            kind: self.kind,
            target_field: self.target_field.clone(),
            reason,
            message,
            position: None,
            suggestion: None,
        }
    }
}

fn compile_here(mapping: &Mapping, schema: &dyn Schema) -> Result<CompiledMapping, Vec<Issue>> {
    if mapping.rules.len() + mapping.exclusions.len() > RULES_MAX {
        let message = format!("a mapping may have at most {RULES_MAX} rules and exclusions");
        return Err(vec![Draft::default().issue(reason::LIMIT_EXCEEDED, message)]);
    }
    let mut issues = Vec::new();
    let mut kinds: BTreeMap<Kind, KindPlan> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for (index, exclusion) in mapping.exclusions.iter().enumerate() {
        let about = Draft {
            exclusion_index: Some(index),
            kind: Some(exclusion.kind),
            target_field: exclusion.name.clone(),
            ..Draft::default()
        };
        if exclusion.name.trim().is_empty() || !names.insert((exclusion.kind, &exclusion.name)) {
            let message = "an exclusion needs a name that no other one of its kind has";
            issues.push(about.issue(reason::EXCLUSION_NAME_INVALID, message.to_owned()));
        }
        match compile_exclusion(exclusion, &about) {
            Ok(predicate) => kinds
                .entry(exclusion.kind)
                .or_default()
                .exclusions
                .push((exclusion.name.clone(), predicate)),
            Err(issue) => issues.push(issue),
        }
    }
    for (index, rule) in mapping.rules.iter().enumerate() {
        let about = Draft {
            rule_index: Some(index),
            kind: Some(rule.kind),
            target_field: rule.target_field.clone(),
            ..Draft::default()
        };
        match compile_rule(rule, schema.fields(rule.kind), &about) {
            Ok(compiled) => {
                let rules = &mut kinds.entry(rule.kind).or_default().rules;
                // A later rule for the same field wins, also where it gives nothing.
                rules.retain(|earlier| earlier.target != compiled.target);
                rules.push(compiled);
            }
            Err(found) => issues.extend(found),
        }
    }
    issues.extend(missing_fields(mapping, schema));
    if !issues.is_empty() {
        return Err(issues);
    }
    for plan in kinds.values_mut() {
        plan.expression_fields = expression_fields(plan);
    }
    Ok(CompiledMapping { kinds })
}

/// The fields of a record that the expressions of a kind read; none when one reads all of it.
fn expression_fields(plan: &KindPlan) -> Option<Vec<String>> {
    let of_rules = plan.rules.iter().filter_map(|rule| match &rule.source {
        Source::Expression { expression, .. } => Some(expression),
        _ => None,
    });
    let mut fields = BTreeSet::new();
    for expression in plan.exclusions.iter().map(|(_, predicate)| predicate).chain(of_rules) {
        for read in &expression.reads {
            fields
                .insert(read.split(['.', '[']).next().filter(|name| !name.is_empty())?.to_owned());
        }
    }
    fields.remove(ITEM);
    Some(fields.into_iter().collect())
}

/// Required fields of the kinds that have rules, which no rule fills.
fn missing_fields(mapping: &Mapping, schema: &dyn Schema) -> Vec<Issue> {
    let kinds: BTreeSet<Kind> = mapping.rules.iter().map(|rule| rule.kind).collect();
    let mut issues = Vec::new();
    for kind in kinds {
        let filled = |spec: &FieldSpec| {
            mapping.rules.iter().any(|rule| rule.kind == kind && fills(spec, &rule.target_field))
        };
        for spec in schema.fields(kind).iter().filter(|spec| spec.required && !filled(spec)) {
            let about =
                Draft { kind: Some(kind), target_field: spec.path.to_owned(), ..Draft::default() };
            let message = format!("the target requires {}, and no rule fills it", spec.path);
            issues.push(about.issue(reason::REQUIRED_FIELD_MISSING, message));
        }
    }
    issues
}

fn compile_exclusion(exclusion: &ExclusionRule, about: &Draft) -> Result<Expression, Issue> {
    compile_expression(&exclusion.predicate, exclusion.kind, None, about)
}

fn compile_rule(rule: &FieldRule, specs: &[FieldSpec], about: &Draft) -> Result<Rule, Vec<Issue>> {
    let mut issues = Vec::new();
    let target = match Path::parse(&rule.target_field) {
        Ok(path) => path,
        Err(message) => return Err(vec![about.issue(reason::PATH_INVALID, message.to_owned())]),
    };
    if specs.is_empty() {
        let message = format!("the target does not take records of kind {}", rule.kind);
        issues.push(about.issue(reason::KIND_UNSUPPORTED, message));
    } else if !specs.iter().any(|spec| fills(spec, &rule.target_field)) {
        issues.push(Issue {
            suggestion: nearest(&rule.target_field, specs.iter().map(|spec| spec.path)),
            ..about.issue(
                reason::FIELD_UNKNOWN,
                format!("the target has no field {} for {}", rule.target_field, rule.kind),
            )
        });
    }
    let list_text = rule.target_field.split_once("[]").map(|(list, _)| list);
    if target.lists() > 1 {
        let message = "a target path may have one []; fill the inner list as a whole";
        issues.push(about.issue(reason::LIST_MISMATCH, message.to_owned()));
    } else if let Some(list) = list_text
        && !is_list(rule.kind, list)
    {
        let message =
            format!("a {} has no list {list}, for whose elements this rule could run", rule.kind);
        issues.push(about.issue(reason::LIST_MISMATCH, message));
    }
    let (list, rest) = match target.split_list() {
        Some((list, rest)) => (Some(list.to_vec()), rest.to_vec()),
        None => (None, target.0.clone()),
    };
    let source = compile_source(rule, list.as_deref(), list_text, about);
    match source {
        Ok(source) if issues.is_empty() => Ok(Rule {
            target: rule.target_field.clone(),
            list,
            rest,
            source,
            on_error: rule.on_error,
        }),
        Ok(_) => Err(issues),
        Err(issue) => {
            issues.push(issue);
            Err(issues)
        }
    }
}

fn compile_source(
    rule: &FieldRule,
    list: Option<&[Segment]>,
    list_text: Option<&str>,
    about: &Draft,
) -> Result<Source, Issue> {
    let place = |text: &str| source_path(text, rule.kind, list_text, about);
    Ok(match &rule.value {
        RuleValue::SourcePath(text) => Source::Path(Place::new(place(text)?, list)),
        RuleValue::Constant(value) => Source::Constant(value.clone()),
        RuleValue::ValueMap { source_path, entries, default } => {
            let place = Place::new(place(source_path)?, list);
            if place.path.iter().any(|segment| matches!(segment, Segment::List(_))) {
                let message =
                    format!("{source_path} gives a list, and a value map looks up one text");
                return Err(about.issue(reason::LIST_MISMATCH, message));
            }
            Source::ValueMap { place, entries: entries.clone(), default: default.clone() }
        }
        RuleValue::Template(text) => {
            if text.chars().count() > TEMPLATE_CHARS_MAX {
                let message = format!("a template may have {TEMPLATE_CHARS_MAX} characters");
                return Err(about.issue(reason::LIMIT_EXCEEDED, message));
            }
            let pieces = template::parse(text).map_err(|fault| Issue {
                position: Some(fault.position),
                ..about.issue(reason::TEMPLATE_INVALID, fault.message.to_owned())
            })?;
            for piece in &pieces {
                if let template::Piece::Path(name, _) = piece {
                    place(name)?;
                }
            }
            Source::Template(
                pieces.into_iter().map(|piece| TemplatePiece::new(piece, list)).collect(),
            )
        }
        RuleValue::Expression(text) => {
            let expression = compile_expression(text, rule.kind, list_text, about)?;
            let reads_item =
                expression.reads.iter().any(|read| read.is_empty() || within(read, ITEM));
            Source::Expression { expression, reads_item }
        }
    })
}

fn within(path: &str, above: &str) -> bool {
    path == above || is_below(path, above)
}

/// A source path that the canonical record has. Over another list than the rule's it would give
/// the same list for each element, which nobody means.
fn source_path(text: &str, kind: Kind, list: Option<&str>, about: &Draft) -> Result<Path, Issue> {
    let path = Path::parse(text)
        .map_err(|message| about.issue(reason::PATH_INVALID, message.to_owned()))?;
    if !is_known(kind, text) {
        return Err(Issue {
            suggestion: nearest(text, paths(kind)),
            ..about.issue(reason::FIELD_UNKNOWN, format!("a canonical {kind} has no field {text}"))
        });
    }
    if let (Some(list), Some((other, _))) = (list, text.split_once("[]"))
        && list != other
    {
        let message = format!("the rule runs over {list}[], and {text} over another list");
        return Err(about.issue(reason::LIST_MISMATCH, message));
    }
    Ok(path)
}

fn compile_expression(
    text: &str,
    kind: Kind,
    list: Option<&str>,
    about: &Draft,
) -> Result<Expression, Issue> {
    if text.chars().count() > EXPRESSION_CHARS_MAX {
        let message = format!("an expression may have {EXPRESSION_CHARS_MAX} characters");
        return Err(about.issue(reason::LIMIT_EXCEEDED, message));
    }
    let expression = expression::compile(text).map_err(|fault| Issue {
        position: fault.position,
        suggestion: fault.suggestion,
        ..about.issue(reason::EXPRESSION_INVALID, fault.message)
    })?;
    for read in expression.reads.iter().filter(|read| !read.is_empty()) {
        let in_item = within(read, ITEM);
        let full = match (list, in_item) {
            (Some(list), true) => read.replacen(ITEM, &format!("{list}[]"), 1),
            (None, true) => {
                let message = ".item is there only for rules whose target has []";
                return Err(about.issue(reason::LIST_MISMATCH, message.to_owned()));
            }
            (_, false) => read.clone(),
        };
        if !is_known(kind, &full) {
            return Err(Issue {
                suggestion: nearest(&full, paths(kind)),
                ..about.issue(
                    reason::FIELD_UNKNOWN,
                    format!("a canonical {kind} has no field {full}, which the expression reads"),
                )
            });
        }
    }
    Ok(expression)
}
