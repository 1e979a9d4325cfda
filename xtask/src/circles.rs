//! Finds circles: files of one crate that import each other in a loop. Nobody can understand, test or move one file of a circle
//! without the others.
//!
//! A file A has an arrow to a file B if A names an item that B defines. The exact rules:
//! - A re-export (`pub use`) defines no item and draws no arrow. An import through a re-export leads to the file that
//!   defines the item.
//! - A file may name the items of its ancestors in the module tree (`use super::…`). Those imports draw no arrow, so a
//!   parent that declares and calls its children is in no circle with them.
//! - A path that names only a module draws no arrow.
//! - Modules and items under `#[cfg(test)]` are left out.
//!
//! The finder reads names and does not know types: it does not see a method call. A name that a macro defines counts as
//! an item of the module that the path names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

/// The greatest number of re-exports on one path. A longer chain counts as a loop of re-exports.
const REEXPORTS_MAX: usize = 16;

/// The path of a module from the root of its crate. The path of the root is empty.
type ModulePath = Vec<String>;
/// A path in the code, one name per element: `crate`, `ledger`, `Entry`.
type Names = Vec<String>;
/// The text of a file, or `None` if there is no such file.
type ReadFile<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// Files that import each other in a loop.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Circle {
    arrows: Vec<Arrow>,
}

/// An import: `from` names `items` of `to`.
#[derive(Debug, PartialEq, Eq)]
struct Arrow {
    from: PathBuf,
    to: PathBuf,
    items: Vec<String>,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: BTreeSet<_> = self.arrows.iter().map(|arrow| arrow.from.display().to_string()).collect();
        write!(f, "circle of {} files:", files.len())?;
        for Arrow { from, to, items } in &self.arrows {
            write!(f, "\n    {} -> {}: {}", from.display(), to.display(), items.join(", "))?;
        }
        Ok(())
    }
}

/// Finds the circles of the crate whose root file (`lib.rs`, `main.rs`) is `root`.
///
/// # Errors
/// If a file cannot be read or parsed.
pub(crate) fn find(root: &Path, read: ReadFile<'_>) -> anyhow::Result<Vec<Circle>> {
    let mut tree = ModuleTree::default();
    tree.add_file(root, root.parent().unwrap_or(root), &ModulePath::new(), read)?;
    Ok(tree.circles())
}

/// All modules of a crate.
#[derive(Default)]
struct ModuleTree {
    modules: BTreeMap<ModulePath, Module>,
    /// The file of each module that has a file of its own.
    files: BTreeMap<ModulePath, PathBuf>,
}

/// A module: a whole file, or an inline `mod name { … }`.
#[derive(Default)]
struct Module {
    /// The path of the module whose file holds this one. It is the module's own path unless the module is inline.
    home: ModulePath,
    /// The items that the module defines.
    items: BTreeSet<String>,
    /// The names that `use` brings into the module, each with its full path.
    imports: BTreeMap<String, Names>,
    /// The modules whose items `use …::*` brings into the module.
    globs: Vec<Names>,
    /// The paths that draw arrows: private imports and paths in the code.
    named: Vec<Names>,
}

impl ModuleTree {
    /// Adds the module of a file and the modules below it. The files of its children are in `folder`.
    fn add_file(
        &mut self,
        file: &Path,
        folder: &Path,
        at: &ModulePath,
        read: ReadFile<'_>,
    ) -> anyhow::Result<()> {
        let text = read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let parsed = syn::parse_file(&text).with_context(|| format!("cannot parse {}", file.display()))?;
        self.files.insert(at.clone(), file.to_owned());
        self.add_module(parsed.items, folder, at, at, read)
    }

    fn add_module(
        &mut self,
        items: Vec<Item>,
        folder: &Path,
        home: &ModulePath,
        at: &ModulePath,
        read: ReadFile<'_>,
    ) -> anyhow::Result<()> {
        // Several modules may have one name: `#[cfg(unix)] mod a { … } #[cfg(not(unix))] mod a { … }`.
        let mut module = self.modules.remove(at).unwrap_or_default();
        module.home.clone_from(home);
        for item in items {
            let (attributes, name) = attributes_and_name(&item);
            if attributes.iter().any(is_cfg_test) {
                continue;
            }
            module.items.extend(name.map(ToString::to_string));
            match item {
                Item::Use(item) => module.add_use(&item),
                Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let folder = folder.join(&name);
                    let at = [at.as_slice(), &[name]].concat();
                    if let Some((_, items)) = child.content {
                        self.add_module(items, &folder, home, &at, read)?;
                        continue;
                    }
                    let beside = folder.with_extension("rs");
                    let file = if read(&beside).is_some() { beside } else { folder.join("mod.rs") };
                    self.add_file(&file, &folder, &at, read)?;
                }
                item => add_paths(item.to_token_stream(), &mut module.named),
            }
        }
        self.modules.insert(at.clone(), module);
        Ok(())
    }

    /// Finds the item that `path` names within the module `from`. Returns the module whose file defines the item, and the item's
    /// name. Returns `None` for a path that leads out of the crate or names a module.
    fn find_item(
        &self,
        from: &ModulePath,
        path: &[String],
        reexports: usize,
    ) -> Option<(ModulePath, String)> {
        let mut at = from.clone();
        let mut rest = path;
        while let [name, after @ ..] = rest {
            rest = after;
            match name.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()?),
                _ => {
                    let child = [at.as_slice(), std::slice::from_ref(name)].concat();
                    if !self.modules.contains_key(&child) {
                        return self.find_in(from, &at, name, after, reexports);
                    }
                    at = child;
                }
            }
        }
        None
    }

    /// As [`find_item`](Self::find_item), for a `name` that is no child of the module `at`.
    fn find_in(
        &self,
        from: &ModulePath,
        at: &ModulePath,
        name: &str,
        after: &[String],
        reexports: usize,
    ) -> Option<(ModulePath, String)> {
        let module = self.modules.get(at)?;
        if module.items.contains(name) {
            return Some((module.home.clone(), name.to_owned()));
        }
        let reexports = reexports.checked_sub(1)?;
        if let Some(import) = module.imports.get(name) {
            return self.find_item(at, &[import, after].concat(), reexports);
        }
        let in_glob = |glob: &Names| {
            let path = [glob.as_slice(), &[name.to_owned()], after].concat();
            self.find_item(at, &path, reexports)
        };
        if let Some(found) = module.globs.iter().find_map(in_glob) {
            return Some(found);
        }
        // A name in another module is an item that a macro defines. A name in the same module is an outside crate or a type.
        (at != from).then(|| (module.home.clone(), name.to_owned()))
    }

    /// Returns for each file the other files whose items it names, with those items. The key of a file is its module.
    fn arrows(&self) -> BTreeMap<&ModulePath, BTreeMap<ModulePath, BTreeSet<String>>> {
        let mut arrows: BTreeMap<_, BTreeMap<_, BTreeSet<_>>> = BTreeMap::new();
        for (at, Module { home, named, .. }) in &self.modules {
            for path in named {
                let Some((to, item)) = self.find_item(at, path, REEXPORTS_MAX) else { continue };
                let is_own_or_ancestor = home.starts_with(&to);
                if !is_own_or_ancestor {
                    arrows.entry(home).or_default().entry(to).or_default().insert(item);
                }
            }
        }
        arrows
    }

    fn circles(&self) -> Vec<Circle> {
        let arrows = self.arrows();
        let reached_from = |start: &ModulePath| {
            let mut reached: BTreeSet<ModulePath> = BTreeSet::new();
            let mut next = vec![start.clone()];
            while let Some(file) = next.pop() {
                for to in arrows.get(&file).into_iter().flat_map(BTreeMap::keys) {
                    if reached.insert(to.clone()) {
                        next.push(to.clone());
                    }
                }
            }
            reached
        };
        let reached: BTreeMap<_, _> = arrows.keys().map(|file| (*file, reached_from(file))).collect();
        let mut in_circles: BTreeSet<&ModulePath> = BTreeSet::new();
        let mut circles = Vec::new();
        for (file, reaches) in &reached {
            if !reaches.contains(*file) || in_circles.contains(file) {
                continue;
            }
            let comes_back =
                |other: &&ModulePath| reached.get(other).is_some_and(|back| back.contains(*file));
            let members: BTreeSet<_> = reaches.iter().filter(comes_back).collect();
            let inside =
                members.iter().flat_map(|from| arrows[from].iter().map(move |(to, items)| (from, to, items)));
            let arrows = inside.filter(|(_, to, _)| members.contains(to)).map(|(from, to, items)| Arrow {
                from: self.files[*from].clone(),
                to: self.files[to].clone(),
                items: items.iter().cloned().collect(),
            });
            circles.push(Circle { arrows: arrows.collect() });
            in_circles.extend(reached.keys().filter(|other| members.contains(*other)));
        }
        circles
    }
}

impl Module {
    fn add_use(&mut self, item: &ItemUse) {
        let is_reexport = !matches!(item.vis, Visibility::Inherited);
        self.add_imports(&item.tree, Names::new(), is_reexport);
    }

    fn add_imports(&mut self, tree: &UseTree, mut path: Names, is_reexport: bool) {
        let name = match tree {
            UseTree::Path(longer) => {
                path.push(longer.ident.to_string());
                return self.add_imports(&longer.tree, path, is_reexport);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.add_imports(tree, path.clone(), is_reexport));
            }
            UseTree::Glob(_) => return self.globs.push(path),
            UseTree::Name(name) => &name.ident,
            UseTree::Rename(renamed) => &renamed.ident,
        };
        // `use a::{self}` imports `a`.
        if name != "self" {
            path.push(name.to_string());
        }
        let here = if let UseTree::Rename(renamed) = tree { Some(renamed.rename.to_string()) } else { None };
        if !is_reexport {
            self.named.push(path.clone());
        }
        let last = path.last().cloned();
        if let Some(here) = here.or(last) {
            self.imports.insert(here, path);
        }
    }
}

/// The attributes of an item, and the name that it defines.
fn attributes_and_name(item: &Item) -> (&[Attribute], Option<&Ident>) {
    match item {
        Item::Const(item) => (&item.attrs, Some(&item.ident)),
        Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        Item::Impl(item) => (&item.attrs, None),
        Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
        Item::Mod(item) => (&item.attrs, None),
        Item::Static(item) => (&item.attrs, Some(&item.ident)),
        Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        Item::Type(item) => (&item.attrs, Some(&item.ident)),
        Item::Union(item) => (&item.attrs, Some(&item.ident)),
        Item::Use(item) => (&item.attrs, None),
        _ => (&[], None),
    }
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<Ident>().is_ok_and(|option| option == "test")
}

/// Collects all paths of two or more names from the tokens, including those inside macros and attributes.
fn add_paths(tokens: TokenStream, found: &mut Vec<Names>) {
    let (mut path, mut colons) = (Names::new(), 0);
    // A path of one name is dropped, because an import or the module itself defines that name.
    let end = |path: &mut Names, found: &mut Vec<Names>| {
        let ended = std::mem::take(path);
        found.extend(Some(ended).filter(|path| path.len() > 1));
    };
    for token in tokens {
        match token {
            TokenTree::Punct(sign) if sign.as_char() == ':' => colons += 1,
            TokenTree::Ident(name) => {
                if colons != 2 {
                    end(&mut path, found);
                }
                path.push(name.to_string());
                colons = 0;
            }
            other => {
                end(&mut path, found);
                colons = 0;
                if let TokenTree::Group(group) = other {
                    add_paths(group.stream(), found);
                }
            }
        }
    }
    end(&mut path, found);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds the circles of a crate with these files, which include `lib.rs`. Returns the arrows of each circle.
    fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let read = |path: &Path| {
            files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
        };
        let arrow = |Arrow { from, to, items }: &Arrow| {
            format!("{} -> {}: {}", from.display(), to.display(), items.join(", "))
        };
        let found = find(Path::new("lib.rs"), &read).unwrap();
        found.iter().map(|circle| circle.arrows.iter().map(arrow).collect()).collect()
    }

    #[test]
    fn two_files_that_import_each_other_are_a_circle() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::{B, other}; pub struct A;"),
            ("b.rs", "use super::{a::A, c}; pub struct B(c::C); pub fn other() {}"),
            ("c.rs", "pub struct C;"),
        ];
        assert_eq!(circles(&files), [["a.rs -> b.rs: B, other", "b.rs -> a.rs: A"]]);
    }

    #[test]
    fn paths_in_code_and_in_macros_count_as_imports() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b; fn run() { println!(\"{}\", b::NUMBER) }"),
            ("b/mod.rs", "pub const NUMBER: u8 = 1; fn go() { crate::a::run() }"),
        ];
        assert_eq!(circles(&files), [["a.rs -> b/mod.rs: NUMBER", "b/mod.rs -> a.rs: run"]]);
    }

    #[test]
    fn a_parent_is_in_no_circle_with_its_children() {
        let files = [
            ("lib.rs", "mod parent; pub use parent::Child; pub struct Root; fn f() { parent::run() }"),
            ("parent.rs", "mod child; pub use child::Child; pub struct Shared; pub fn run() { child::go() }"),
            ("parent/child.rs", "use super::Shared; use crate::Root; pub struct Child; pub fn go() {}"),
        ];
        assert!(circles(&files).is_empty());
    }

    #[test]
    fn a_circle_through_a_child_is_found() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "mod child; pub fn run() { child::go() }"),
            ("a/child.rs", "use crate::b::B; pub fn go() {}"),
            ("b.rs", "pub struct B; fn f() { crate::a::run() }"),
        ];
        let arrows = ["a.rs -> a/child.rs: go", "a/child.rs -> b.rs: B", "b.rs -> a.rs: run"];
        assert_eq!(circles(&files), [arrows]);
    }

    #[test]
    fn an_import_through_a_re_export_leads_to_the_file_that_defines_the_item() {
        let low = ("a/low.rs", "pub struct Low; pub fn low() {}");
        let b = ("b.rs", "use crate::{a::Low, lowest}; pub fn b() {}");
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::low::low as lowest;"),
            ("a.rs", "mod low; pub use self::low::*; fn f() { crate::b::b() }"),
            low,
            b,
        ];
        assert!(circles(&files).is_empty());
    }

    #[test]
    fn tests_are_left_out() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }"),
            ("b.rs", "use crate::a::A; pub struct B;"),
        ];
        assert!(circles(&files).is_empty());
    }

    #[test]
    fn an_inline_module_belongs_to_its_file() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub mod inner { pub struct Inner; fn f() { super::super::b::b() } }"),
            ("b.rs", "use crate::a::inner::Inner; pub fn b() {}"),
        ];
        assert_eq!(circles(&files), [["a.rs -> b.rs: b", "b.rs -> a.rs: Inner"]]);
    }

    #[test]
    fn modules_of_one_name_for_different_systems_are_all_read() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "#[cfg(unix)] mod inner { fn f() { crate::b::b() } } #[cfg(not(unix))] mod inner {} pub fn a() {}",
            ),
            ("b.rs", "pub fn b() { crate::a::a() }"),
        ];
        assert_eq!(circles(&files), [["a.rs -> b.rs: b", "b.rs -> a.rs: a"]]);
    }

    #[test]
    fn a_file_that_is_missing_is_an_error() {
        let read = |path: &Path| (path == Path::new("lib.rs")).then(|| "mod a;".to_owned());
        let error = find(Path::new("lib.rs"), &read).unwrap_err();
        assert_eq!(error.to_string(), "cannot read a/mod.rs");
    }
}
