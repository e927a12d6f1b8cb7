//! The decision about a record, leaf by leaf.

use std::collections::{BTreeMap, BTreeSet};

use cartage_model::FieldSpec;
use serde_json::{Map, Value};

use super::{
    fingerprint::{Digest, Fingerprint},
    leaves::{Leaves, Place, canonical_at, joined},
};

/// Whose value counts where source and target both changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The source's.
    Source,
    /// The target's.
    Target,
    /// A person's decision is needed.
    Ask,
}

/// Says whose value counts, by the field, its path in the schema and the digests of both values.
pub type Resolve<'a> = dyn Fn(&str, &str, (Digest, Digest)) -> Resolution + 'a;

/// A field that source and target both changed, and nobody said whose value counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// The field: `variants[17].sku`.
    pub field: String,
    /// What the source says; null for nothing.
    pub source: Value,
    /// What the target holds; null for nothing.
    pub target: Value,
    /// The digest of what the source says.
    pub source_digest: Digest,
    /// The digest of what the target holds.
    pub target_digest: Digest,
}

/// A field whose value in the target is not what the source says, and stays.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The field.
    pub field: String,
    /// What the source says; null for nothing.
    pub source: Value,
    /// What the target holds; null for nothing.
    pub target: Value,
}

/// What is to become of a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Its fields as they shall stand in the target.
    pub fields: Map<String, Value>,
    /// The fields that are to be changed there.
    pub changed: Vec<String>,
    /// The fields that others changed there and that stay.
    pub kept: Vec<Kept>,
    /// The fields that nobody decided.
    pub conflicts: Vec<Conflict>,
}

/// What is known of what we wrote.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'f> {
    /// What was written last, and entered. None for an object that was there before us.
    pub written: Option<&'f Fingerprint>,
    /// What was being written when somebody stopped: it may stand in the target in part.
    pub sent: Option<&'f Fingerprint>,
}

/// Compares what was written, what the source says and what the target holds.
///
/// What the source left as it was stays as the target has it. What the target left as it was becomes
/// what the source says. Where both changed it, `resolve` says whose value counts; it is given the
/// field, its path in the schema and the digests of both values. Without a fingerprint (the object was
/// there before us) every field that differs is such a one, unless the source says nothing of it.
///
/// A child that one side lacks is decided as a whole: it goes, or comes, unless both sides did something
/// to it.
pub fn decide(
    specs: &[FieldSpec],
    known: Known<'_>,
    source: &Map<String, Value>,
    target: &Map<String, Value>,
    digest: &dyn Fn(&str) -> Digest,
    resolve: &Resolve<'_>,
) -> Decision {
    let (source, target) = Leaves::of_both(source, target);
    let mut lone: BTreeSet<Place> = source.lone_children(&target).into_iter().collect();
    lone.extend(target.lone_children(&source));
    let mut judge = Judge { specs, known, digest, resolve, decision: Decision::default() };
    let mut fields: BTreeMap<Place, &Value> = BTreeMap::new();
    for child in &lone {
        let leaves = if judge.child(child, &source, &target) { &source } else { &target };
        fields.extend(leaves.of_child(child).into_iter().map(|(place, it)| (place.clone(), it)));
    }
    let places: BTreeSet<&Place> = source.places().chain(target.places()).collect();
    let is_decided = |place: &Place| place.child().is_some_and(|child| lone.contains(&child));
    for place in places.into_iter().filter(|place| !is_decided(place)) {
        let (said, held) = (source.get(place), target.get(place));
        let value = if judge.leaf(place, said, held) { said } else { held };
        if let Some(value) = value {
            fields.insert(place.clone(), value);
        }
    }
    let mut decision = judge.decision;
    decision.fields = joined(&fields, [&source, &target]);
    decision
}

/// What decides, and what it found so far.
struct Judge<'a> {
    specs: &'a [FieldSpec],
    known: Known<'a>,
    digest: &'a dyn Fn(&str) -> Digest,
    resolve: &'a Resolve<'a>,
    decision: Decision,
}

impl Judge<'_> {
    fn digest_of(&self, place: &Place, value: Option<&Value>) -> Digest {
        (self.digest)(&canonical_at(self.specs, place, value))
    }

    /// Whether a leaf becomes what the source says.
    fn leaf(&mut self, place: &Place, said: Option<&Value>, held: Option<&Value>) -> bool {
        let digests = (self.digest_of(place, said), self.digest_of(place, held));
        let source = said.map(|_| digests.0);
        let target = held.map(|_| digests.1);
        let was = self.known.written.map(|written| written.get(place));
        let sent = self.known.sent.and_then(|sent| sent.get(place));
        if source == target {
            return false;
        }
        let is_ours = was == Some(target) || (sent.is_some() && sent == target);
        // What the source left alone stays, but for what we ourselves had begun to send.
        let is_left = was == Some(source) || (was.is_none() && said.is_none());
        let takes_source = match (is_left, is_ours) {
            (true, _) => sent.is_some() && sent == target,
            (false, true) => true,
            (false, false) => {
                let value = |value: Option<&Value>| value.cloned().unwrap_or_default();
                return self.ask(place, (value(said), value(held)), digests);
            }
        };
        if takes_source {
            self.decision.changed.push(place.field());
        }
        takes_source
    }

    /// Whether a child that one side lacks becomes what the source says: is there, or is not.
    fn child(&mut self, child: &Place, source: &Leaves<'_>, target: &Leaves<'_>) -> bool {
        let (said, held) = (source.of_child(child), target.of_child(child));
        let was_there = self.known.written.map(|it| it.get(&child.id_of_child()).is_some());
        let is_as_written = |leaves: &[(&Place, &Value)]| {
            leaves.iter().all(|(place, value)| {
                let digest = Some(self.digest_of(place, Some(value)));
                let knows = |it: Option<&Fingerprint>| it.is_some_and(|it| it.get(place) == digest);
                knows(self.known.written) || knows(self.known.sent)
            })
        };
        let takes_source = match (said.is_empty(), was_there) {
            // It is new in the source.
            (false, Some(false)) => true,
            // It was taken out of the target, and the source left it alone.
            (false, Some(true)) if is_as_written(&said) => false,
            // It is the target's own.
            (true, Some(false) | None) => false,
            // The source took it out, and nobody changed it in the target.
            (true, Some(true)) if is_as_written(&held) => true,
            _ => {
                let values = (source.element(child), target.element(child));
                let digests = (&values.0, &values.1);
                let digest = |value: &Value| self.digest_of(child, Some(value));
                let digests = (digest(digests.0), digest(digests.1));
                return self.ask(child, values, digests);
            }
        };
        if takes_source {
            self.decision.changed.push(child.field());
            self.decision.changed.extend(said.iter().map(|(place, _)| place.field()));
        }
        takes_source
    }

    /// Whether the source's value counts where both sides changed it.
    fn ask(&mut self, place: &Place, values: (Value, Value), digests: (Digest, Digest)) -> bool {
        let field = place.field();
        let (source, target) = values;
        match (self.resolve)(&field, &place.path(), digests) {
            Resolution::Source => {
                self.decision.changed.push(field);
                return true;
            }
            Resolution::Target => self.decision.kept.push(Kept { field, source, target }),
            Resolution::Ask => self.decision.conflicts.push(Conflict {
                field,
                source,
                target,
                source_digest: digests.0,
                target_digest: digests.1,
            }),
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use cartage_model::FieldType;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SPECS: &[FieldSpec] = &[
        spec("title", FieldType::Text),
        spec("price", FieldType::Decimal),
        spec("tags", FieldType::Set),
        spec("variants[].source_id", FieldType::Text),
        spec("variants[].sku", FieldType::Text),
        spec("variants[].price", FieldType::Decimal),
        spec("metadata.*", FieldType::Any),
    ];

    const fn spec(path: &'static str, field_type: FieldType) -> FieldSpec {
        FieldSpec {
            path,
            field_type,
            required: false,
            length_max: None,
            personal: false,
            about: "",
        }
    }

    fn digest(text: &str) -> Digest {
        blake3::hash(text.as_bytes()).as_bytes()[..8].try_into().unwrap()
    }

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn decided(written: Option<Value>, source: Value, target: Value, by: Resolution) -> Decision {
        let written = written.map(|fields| Fingerprint::of(SPECS, &map(fields), &digest));
        let known = Known { written: written.as_ref(), sent: None };
        decide(SPECS, known, &map(source), &map(target), &digest, &|_, _, _| by)
    }

    #[test]
    fn what_an_update_that_was_cut_off_left_is_ours() {
        let print = |title: &str| Fingerprint::of(SPECS, &map(json!({ "title": title })), &digest);
        let (written, sent) = (print("old"), print("half").within(&["title".to_owned()]));
        assert_eq!(print("half").within(&["price".to_owned()]), Fingerprint::default());
        let known = Known { written: Some(&written), sent: Some(&sent) };
        let decide = |source: &str, target: &str| {
            let (source, target) = (json!({ "title": source }), json!({ "title": target }));
            let by = |_: &str, _: &str, _| Resolution::Ask;
            decide(SPECS, known, &map(source), &map(target), &digest, &by)
        };
        assert_eq!(decide("old", "half").changed, ["title"], "the source went back");
        assert_eq!(decide("new", "half").changed, ["title"]);
        assert_eq!(decide("new", "old").changed, ["title"]);
        assert_eq!(decide("new", "theirs").conflicts.len(), 1);
    }

    #[test]
    fn each_side_keeps_what_it_alone_changed() {
        let written = json!({ "title": "Lamp", "price": "10.00", "tags": ["a", "b"] });
        let source = json!({ "title": "Lamp", "price": "12", "tags": ["b", "a"] });
        let target = json!({ "title": "Fine lamp", "price": 10, "tags": ["a", "b"], "metadata": { "x": 1 } });
        let decision = decided(Some(written), source, target, Resolution::Ask);
        assert_eq!(
            decision.changed,
            ["price"],
            "the order of a set and the form of a number say nothing"
        );
        assert!(decision.conflicts.is_empty() && decision.kept.is_empty());
        let wanted = json!({ "title": "Fine lamp", "price": "12", "tags": ["a", "b"], "metadata": { "x": 1 } });
        assert_eq!(Value::Object(decision.fields), wanted);
    }

    #[test]
    fn what_both_changed_is_decided_by_the_policy_or_a_person() {
        let written = || Some(json!({ "title": "Lamp" }));
        let (source, target) = (json!({ "title": "Desk lamp" }), json!({ "title": "Fine lamp" }));
        let by = |resolution| decided(written(), source.clone(), target.clone(), resolution);
        let (ours, theirs, asked) =
            (by(Resolution::Source), by(Resolution::Target), by(Resolution::Ask));
        assert_eq!(ours.fields["title"], "Desk lamp");
        assert_eq!(theirs.fields["title"], "Fine lamp");
        assert_eq!(theirs.kept[0].source, "Desk lamp");
        assert_eq!((asked.conflicts.len(), &asked.fields["title"]), (1, &json!("Fine lamp")));
        let same = decided(written(), source.clone(), source, Resolution::Ask);
        assert!(same.changed.is_empty() && same.conflicts.is_empty(), "both say the same");
    }

    #[test]
    fn children_are_told_apart_by_their_ids_and_go_where_the_source_has_them() {
        let variant = |id: &str, sku: &str| json!({ "source_id": id, "sku": sku });
        let written = json!({ "variants": [variant("1", "a"), variant("2", "b")] });
        let source = json!({ "variants": [variant("3", "c"), variant("2", "b")] });
        let target = json!({ "variants": [variant("2", "B!"), variant("1", "a")] });
        let decision = decided(Some(written), source, target, Resolution::Ask);
        let wanted = json!({ "variants": [variant("3", "c"), variant("2", "B!")] });
        assert_eq!(Value::Object(decision.fields), wanted);
        assert!(decision.conflicts.is_empty());
        assert!(decision.changed.iter().any(|field| field == "variants[1]"));
    }

    #[test]
    fn a_child_goes_or_stays_as_a_whole() {
        let variant = |sku: &str| json!({ "variants": [{ "source_id": "1", "sku": sku }] });
        let none = || json!({ "variants": [] });
        let by = |source: Value, target: Value, by| decided(Some(variant("a")), source, target, by);
        // The source took it out, and somebody gave it a price: one question, and no half of it.
        let priced = json!({ "variants": [{ "source_id": "1", "sku": "a", "price": 3 }] });
        let asked = by(none(), priced.clone(), Resolution::Ask);
        assert_eq!((asked.conflicts.len(), asked.conflicts[0].field.as_str()), (1, "variants[1]"));
        assert_eq!(Value::Object(by(none(), priced.clone(), Resolution::Target).fields), priced);
        let gone = by(none(), priced, Resolution::Source).fields;
        assert!(gone.get("variants").is_none(), "{gone:?}");
        // The shop took it out: it comes back only where the source changed it and is asked for.
        assert!(by(variant("a"), none(), Resolution::Source).changed.is_empty());
        assert_eq!(by(variant("b"), none(), Resolution::Ask).conflicts.len(), 1);
        let back = by(variant("b"), none(), Resolution::Source).fields;
        assert_eq!(Value::Object(back), variant("b"));
    }

    #[test]
    fn without_a_fingerprint_nothing_is_overwritten_unasked() {
        let (source, target) = (json!({ "title": "a" }), json!({ "title": "b", "price": 3 }));
        let decision = decided(None, source, target.clone(), Resolution::Ask);
        assert_eq!(decision.conflicts.len(), 1, "the source says nothing of the price");
        assert_eq!(Value::Object(decision.fields), target);
    }

    #[test]
    fn children_of_others_are_compared_as_a_whole() {
        let source = json!({ "variants": [{ "source_id": "1", "sku": "a" }] });
        let target = json!({ "variants": [{ "source_id": null, "sku": "x" }] });
        let decision = decided(None, source.clone(), target.clone(), Resolution::Source);
        assert_eq!(
            (Value::Object(decision.fields), decision.changed),
            (source.clone(), vec!["variants".to_owned()])
        );
        let kept = decided(Some(source.clone()), source.clone(), target.clone(), Resolution::Ask);
        assert!(kept.conflicts.is_empty() && kept.changed.is_empty(), "the source left them");
        let decision = decided(None, source, target.clone(), Resolution::Target);
        assert_eq!(Value::Object(decision.fields), target);
    }

    #[test]
    fn a_fingerprint_knows_what_was_changed_since_and_survives_its_bytes() {
        let written = map(json!({ "title": "Lamp", "price": "10.00" }));
        let print = Fingerprint::of(SPECS, &written, &digest);
        assert_eq!(Fingerprint::from_bytes(&print.to_bytes()), Some(print.clone()));
        assert_eq!(Fingerprint::from_bytes(&[0; 15]), None);
        let changed = |value: Value| print.changed_in(SPECS, &map(value), &digest);
        assert_eq!(changed(json!({ "title": "Lamp", "price": 10, "foreign": "x" })), None);
        let added = json!({ "title": "Lamp", "price": 10, "tags": ["x"] });
        assert_eq!(changed(added).as_deref(), Some("tags"));
        assert_eq!(changed(json!({ "title": "Lamb", "price": 10 })).as_deref(), Some("title"));
        assert_eq!(changed(json!({ "title": "Lamp" })).as_deref(), Some(""));
    }

    fn shop() -> impl Strategy<Value = Value> {
        let text = || prop::option::of("[ab]{1,2}");
        let variants = prop::collection::btree_map("[1-3]", text(), 0..3);
        (text(), text(), prop::collection::vec("[ab]", 0..3), variants).prop_map(
            |(title, note, tags, variants)| {
                let variants: Vec<Value> = variants
                    .into_iter()
                    .map(|(id, sku)| json!({ "source_id": id, "sku": sku }))
                    .collect();
                json!({ "title": title, "metadata": { "note": note }, "tags": tags, "variants": variants })
            },
        )
    }

    proptest! {
        /// A target nobody touched becomes what the source says, and one that the source does not
        /// want changed stays as it is; a second time there is nothing to do.
        #[test]
        fn an_untouched_side_takes_over_the_other(written in shop(), other in shop()) {
            let taken = decided(Some(written.clone()), other.clone(), written.clone(), Resolution::Ask);
            prop_assert!(taken.conflicts.is_empty());
            let print = |value: &Value| Fingerprint::of(SPECS, &map(value.clone()), &digest);
            prop_assert_eq!(print(&Value::Object(taken.fields.clone())), print(&other));
            let kept = decided(Some(written.clone()), written, other.clone(), Resolution::Ask);
            prop_assert!(kept.changed.is_empty() && kept.conflicts.is_empty());
            let again = decided(Some(other.clone()), other, Value::Object(taken.fields), Resolution::Ask);
            prop_assert!(again.changed.is_empty() && again.conflicts.is_empty());
        }
    }
}
