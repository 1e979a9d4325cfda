"""What a schema cannot say of a valid request.

Schemathesis makes requests of the schemas in the document and then expects them to be taken. Some rules join two values, or a
value and what the server holds, for which JSON Schema has no words. Requests that are meant to be valid are brought in line
with those rules here; requests that are meant to be refused are sent as they are. Nothing is left out of the run.
"""

import json
import os
import urllib.request

import schemathesis

ADDRESS, TOKEN = os.environ["GAMETRIGGERS_OVERLAY"].rsplit("/", 1)


class Screen:
    """The streamer's screen: the token that it has now, and a receipt that the server signed for it."""

    def __init__(self, token):
        self.token = token
        with urllib.request.urlopen(f"{ADDRESS}/{token}/data", timeout=10) as answer:
            self.receipt = json.load(answer)["receipt"]


screens = [Screen(TOKEN)]


@schemathesis.hook
def after_call(context, case, response):
    # The token that the configuration names is unknown from here on.
    if case.operation.path == "/api/v1/users/me/overlay/regenerate" and response.status_code == 201:
        screens.append(Screen(response.json()["overlayToken"]))


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.path_parameters and case.path_parameters.get("token") == TOKEN:
        case.path_parameters["token"] = screens[-1].token
    if case.meta is None or not case.meta.generation.mode.is_positive or not isinstance(case.body, dict):
        return
    path = case.operation.path
    if "/overlay/{token}/" in path or path.startswith("/api/v1/campaigns/"):
        keep_event_rules(case)
    elif path == "/api/v1/users/me/overlay/test":
        keep_test_ad_rules(case.body.get("testCampaign"))
    elif path == "/api/v1/users/me/campaign-selection":
        keep_selection_rules(case.body)


def keep_event_rules(case):
    # A receipt is one that the server signed.
    if isinstance(case.body.get("receipt"), str):
        case.body["receipt"] = screens[-1].receipt
    # The id of an event goes by two names, which must not contradict each other.
    if isinstance(case.body.get("eventId"), str) and case.headers:
        case.headers.pop("Idempotency-Key", None)


def keep_test_ad_rules(ad):
    if not isinstance(ad, dict):
        return
    # An address has a host; and a video has no default.
    if isinstance(ad.get("mediaUrl"), str) or ad.get("mediaType") == "video":
        ad["mediaUrl"] = "https://media.example.com/a.mp4"


def keep_selection_rules(settings):
    rotation = settings.get("campaignRotationSettings")
    if isinstance(settings.get("timezone"), str):
        settings["timezone"] = "Asia/Kolkata"
    if not isinstance(rotation, dict):
        return
    # A zone is one of the IANA database; and two names of one setting say the same.
    if isinstance(rotation.get("timezone"), str):
        rotation["timezone"] = "Asia/Kolkata"
    if isinstance(settings.get("campaignSelectionStrategy"), str) and "preferredStrategy" in rotation:
        rotation["preferredStrategy"] = settings["campaignSelectionStrategy"]
    # Not all weights are zero, those that are stored included.
    weights = rotation.get("priorityWeights")
    if isinstance(weights, dict) and weights and not any(weights.values()):
        weights["fairness"] = 0.5
    # A period does not end when it starts.
    for period in rotation.get("blackoutPeriods") or []:
        if period["startTime"] == period["endTime"]:
            period["endTime"] = "24:00"
