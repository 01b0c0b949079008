"""A tenant and its project: given later, changed, taken away, never shared."""

from __future__ import annotations

import pytest

from romana.models import TenantCreate, TenantUpdate
from romana.store.errors import ConflictError, NotFoundError
from romana.store.store import Store, current_generation
from romana.store.tenants import create_tenant, get_tenant, list_tenants, update_tenant

from . import given


def test_a_project_is_given_changed_and_taken_away(store: Store) -> None:
    made = given.tenant(store)
    for project_id in ("p1", "p2", None):
        now = update_tenant(store, "t", TenantUpdate(project_id=project_id), None)
        assert now == get_tenant(store, "t")
        assert now.project_id == project_id
        assert now.generation > made.generation


def test_the_project_it_has_changes_nothing(store: Store) -> None:
    create_tenant(store, TenantCreate(name="t", project_id="p1"))
    before = store.database.read(current_generation)
    assert update_tenant(store, "t", TenantUpdate(project_id="p1"), None).project_id == "p1"
    assert store.database.read(current_generation) == before


def test_a_project_has_one_tenant(store: Store) -> None:
    create_tenant(store, TenantCreate(name="t", project_id="p1"))
    given.tenant(store, "u")
    with pytest.raises(ConflictError, match="project p1 already belongs to tenant t"):
        update_tenant(store, "u", TenantUpdate(project_id="p1"), None)
    update_tenant(store, "t", TenantUpdate(project_id=None), None)
    assert update_tenant(store, "u", TenantUpdate(project_id="p1"), None).project_id == "p1"


def test_tenants_are_found_by_project(store: Store) -> None:
    made, _ = create_tenant(store, TenantCreate(name="t", project_id="p1"))
    given.tenant(store, "u")
    assert list_tenants(store, "p1") == [made]
    assert list_tenants(store, "P1") == []


def test_a_tenant_that_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFoundError, match="there is no tenant none"):
        update_tenant(store, "none", TenantUpdate(project_id="p1"), None)
