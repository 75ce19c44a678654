"""The Salesforce metadata would deploy, and grants what it says: form and permissions. What the fields must be like is held
against `config check` in crates/sync-core/tests/salesforce_metadata.rs."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest
from bundle import REPO

PROJECT = REPO / "infra" / "salesforce"
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
PERMISSION_SET = "permissionsets/Prospect_Sync_Connector.permissionset-meta.xml"


def read(path: Path) -> ElementTree.Element:
    """The file's root; the parser refuses what is not well-formed."""
    return ElementTree.parse(path).getroot()


def texts(element: ElementTree.Element, path: str) -> list[str | None]:
    return [found.text for found in element.findall("/".join(NAMESPACE + step for step in path.split("/")))]


def problems(project: Path) -> list[str]:
    """Why `sf project deploy start --source-dir main` would refuse the project, or deploy something else than is said."""
    settings = json.loads((project / "sfdx-project.json").read_text())
    found = [f"{d['path']} is no directory" for d in settings["packageDirectories"] if not (project / d["path"]).is_dir()]
    files = sorted((project / "main").rglob("*.xml"))
    if not re.fullmatch(r"\d+\.0", settings["sourceApiVersion"]):
        found.append("sourceApiVersion is no version")
    for file in files:
        name, kind = re.fullmatch(r"(\w+)\.(\w+)-meta\.xml", file.name).groups()
        try:
            root = read(file)
        except ElementTree.ParseError as error:
            found.append(f"{file.name}: {error}")
            continue
        expected = {"field": "CustomField", "permissionset": "PermissionSet"}.get(kind)
        if root.tag != f"{NAMESPACE}{expected}":
            found.append(f"{file.name}: root element {root.tag}")
        if kind == "field" and texts(root, "fullName") != [name]:
            found.append(f"{file.name}: called {texts(root, 'fullName')}")
        tags = [tag for tag, _ in groupby(child.tag for child in root)]
        if len(tags) != len(set(tags)):
            found.append(f"{file.name}: elements of one kind do not stand together")  # the Metadata API refuses that
    return found + granted_wrongly(project) if not found else found


def granted_wrongly(project: Path) -> list[str]:
    """What the permission set grants beyond or below: the shipped fields, and no deleting."""
    main = project / "main" / "default"
    shipped = {f"{f.parents[1].name}.{f.name.split('.')[0]}" for f in main.glob("objects/*/fields/*.field-meta.xml")}
    root = read(main / PERMISSION_SET)
    found = [] if set(texts(root, "fieldPermissions/field")) == shipped else ["other fields than the shipped ones"]
    if {"true"} != set(texts(root, "fieldPermissions/readable")) | set(texts(root, "fieldPermissions/editable")):
        found.append("a shipped field without access")
    for right in ("allowDelete", "modifyAllRecords"):
        if "true" in texts(root, f"objectPermissions/{right}"):
            found.append(f"{right} is granted")
    for item in root.findall(f"{NAMESPACE}objectPermissions"):
        (name,) = texts(item, "object")
        is_written = name in {field.split(".")[0] for field in shipped}
        rights = {right for right in ("allowRead", "allowCreate", "allowEdit") if texts(item, right) == ["true"]}
        if rights != ({"allowRead", "allowCreate", "allowEdit"} if is_written else {"allowRead"}):
            found.append(f"{name}: {sorted(rights)}")
    return found


def test_the_metadata_would_deploy_and_grants_what_it_says() -> None:
    assert problems(PROJECT) == []


def test_the_commands_that_deploy_it_name_what_is_there() -> None:
    project, permission_set = "--source-dir main ", "--name Prospect_Sync_Connector "
    for place in ("infra/salesforce/README.md", "docs/operating/deploy.md", "crates/cli/src/commands/setup.rs"):
        text = (REPO / place).read_text()
        assert f"sf project deploy start {project}" in text and f"sf org assign permset {permission_set}" in text, place


Fault = Callable[[str], str]
LEAD_KEY = "objects/Lead/fields/Prospect_Sync_Key__c.field-meta.xml"
FAULTS: dict[str, tuple[str, Fault]] = {
    "not well-formed": (LEAD_KEY, lambda text: text.replace("</label>", "")),
    "another name than the file": (LEAD_KEY, lambda text: text.replace("Key__c</", "Id__c</")),
    "another namespace": (LEAD_KEY, lambda text: text.replace("2006/04/metadata", "2006/04/meta")),
    "fields apart": (PERMISSION_SET, lambda text: text.replace("</hasActivationRequired>", "</hasActivationRequired><userPermissions/>")),
    "a field left out": (PERMISSION_SET, lambda text: text.replace("Lead.Prospect_Sync_Token__c", "Lead.Company")),
    "a field read-only": (PERMISSION_SET, lambda text: text.replace("<editable>true", "<editable>false", 1)),
    "deleting granted": (PERMISSION_SET, lambda text: text.replace("<allowDelete>false", "<allowDelete>true", 1)),
    "everything granted": (PERMISSION_SET, lambda text: text.replace("<modifyAllRecords>false", "<modifyAllRecords>true", 1)),
    "accounts written": (PERMISSION_SET, lambda text: text.replace("<allowEdit>false", "<allowEdit>true", 1)),
    "leads not created": (PERMISSION_SET, lambda text: text.replace("<allowCreate>true", "<allowCreate>false")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_notices(fault: str, tmp_path: Path) -> None:
    project = shutil.copytree(PROJECT, tmp_path / "salesforce")
    place, plant = FAULTS[fault]
    file = project / "main" / "default" / place
    before = file.read_text()
    file.write_text(plant(before))
    assert file.read_text() != before, "nothing was planted"
    assert problems(project)
