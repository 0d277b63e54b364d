//! What two schemas disagree about, in lines for people.

use super::{Field, Kind, Schema};

impl Schema {
    /// Returns a line for each difference in layout; docs do not count.
    ///
    /// "Here" is this schema, "there" the other. Empty when records of the one can be read by the
    /// other. Cost: allocates; for error messages.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for kind in self.kinds() {
            match other.kind_by_name(&kind.name) {
                Some(theirs) => kind.difference_into(theirs, &mut lines),
                None => lines.push(format!("{}: only here", kind.name)),
            }
        }
        for kind in other.kinds() {
            if self.kind_by_name(&kind.name).is_none() {
                lines.push(format!("{}: only there", kind.name));
            }
        }
        if lines.is_empty() {
            lines.extend(order(self.kinds(), other.kinds()));
        }
        lines
    }
}

impl Kind {
    /// Returns a line for each difference in layout of two kinds; docs do not count.
    ///
    /// "Here" is this kind, "there" the other. Empty when a record of the one can be read as a
    /// record of the other. Cost: allocates; for error messages and checks at attach.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.name != other.name {
            lines.push(changed(&self.name, "name", &self.name, &other.name));
        }
        self.difference_into(other, &mut lines);
        lines
    }

    fn difference_into(&self, other: &Self, lines: &mut Vec<String>) {
        if self.rtype != other.rtype {
            let (here, there) = (format!("{:#04x}", self.rtype), format!("{:#04x}", other.rtype));
            lines.push(changed(&self.name, "rtype", &here, &there));
        }
        if self.size_bytes != other.size_bytes {
            lines.push(changed(&self.name, "size_bytes", &self.size_bytes, &other.size_bytes));
        }
        for field in &self.fields {
            match other.field(&field.name) {
                Some(theirs) => self.field_difference(field, theirs, lines),
                None => lines.push(format!("{}.{}: only here", self.name, field.name)),
            }
        }
        for field in &other.fields {
            if self.field(&field.name).is_none() {
                lines.push(format!("{}.{}: only there", self.name, field.name));
            }
        }
    }

    fn field_difference(&self, here: &Field, there: &Field, lines: &mut Vec<String>) {
        let place = format!("{}.{}", self.name, here.name);
        if here.offset != there.offset {
            lines.push(changed(&place, "offset", &here.offset, &there.offset));
        }
        if here.ty != there.ty {
            lines.push(changed(&place, "type", &here.ty, &there.ty));
        }
        if here.count != there.count {
            lines.push(changed(&place, "count", &here.count, &there.count));
        }
        if here.unit != there.unit {
            lines.push(changed(&place, "unit", &here.unit, &there.unit));
        }
        if here.null != there.null {
            let show =
                |null: Option<u64>| null.map_or("none".to_owned(), |bits| format!("{bits:#x}"));
            lines.push(changed(&place, "null", &show(here.null), &show(there.null)));
        }
    }
}

fn changed<T: core::fmt::Display + ?Sized>(place: &str, what: &str, here: &T, there: &T) -> String {
    format!("{place}: {what} {here} here, {there} there")
}

/// Returns a line when the same kinds stand in another order.
fn order(here: &[Kind], there: &[Kind]) -> Option<String> {
    let list = |kinds: &[Kind]| {
        let names: Vec<&str> = kinds.iter().map(|kind| &*kind.name).collect();
        names.join(", ")
    };
    let (here, there) = (list(here), list(there));
    (here != there).then(|| format!("kinds: order {here} here, {there} there"))
}
