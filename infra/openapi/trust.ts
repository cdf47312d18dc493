import { permissionSetBody } from "../../lib/api/permission-body.ts";
import { changeBody, initiationBody, peerApprovalBody, receptionBody, trusteeBody } from "../../lib/api/trust-body.ts";
import { array, choice, done, json, location, ref, shows, taken, text, type Described } from "./operation.ts";
import { id } from "./schemas.ts";

const filters = {
  peerid: { description: "Only the trust with this peer.", schema: text },
  type: { description: "Only peers of this type.", schema: text },
};
const theTrust = { headers: location("The trust's URL.") };
const secret = "a-secret-of-both-sides";

export const trust: Described<"trust"> = {
  "GET /{actorId}/trust": {
    summary: "All trusts",
    query: { relationship: { description: "Only trusts of this relationship.", schema: text }, ...filters },
    answers: { 200: shows("The trusts.", array(ref("Trust"))) },
  },
  "POST /{actorId}/trust": {
    summary: "Ask a peer for trust",
    description: "The service reads the peer's `/meta`, stores our approved side and asks the peer.",
    body: {
      content: json(taken(initiationBody), {
        url: "https://peer.example/abc",
        relationship: "friend",
        desc: "A friend",
      }),
    },
    answers: { 201: shows("The trust.", ref("Trust"), theTrust) },
    errors: ["conflict", "peer_unreachable", "peer_invalid_answer"],
  },
  "GET /{actorId}/trust/{relationship}": {
    summary: "The trusts of a relationship",
    query: { relationship: { description: "Only trusts of this relationship too.", schema: text }, ...filters },
    answers: { 200: shows("The trusts.", array(ref("Trust"))) },
  },
  "POST /{actorId}/trust/{relationship}": {
    summary: "A peer asks for trust",
    body: {
      content: json(taken(receptionBody, { id }), {
        baseuri: "https://peer.example/abc",
        id: "abc",
        type: "urn:actingweb:example.com:demo",
        secret,
        desc: "A friend",
        verify: "a-token-that-the-peer-answers-with",
      }),
    },
    answers: {
      201: shows("The trust, approved at once.", ref("Trust"), theTrust),
      202: shows("The trust, which the owner has not approved yet.", ref("Trust"), theTrust),
    },
    errors: ["forbidden", "conflict", "peer_unreachable", "peer_invalid_answer"],
  },
  "PUT /{actorId}/trust/{relationship}": {
    summary: "Set the trustee",
    description: "Only where `relationship` is the word `trustee`.",
    body: { content: json(taken(trusteeBody), { trustee_root: "https://trustee.example/abc" }) },
    answers: { 204: done("It is set.") },
  },
  "GET /{actorId}/trust/{relationship}/{peerId}": {
    summary: "The trust with a peer",
    query: {
      permissions: { description: "With `true`, the permissions that were set for the peer too.", schema: text },
    },
    answers: {
      200: shows("The trust; we approved it.", ref("TrustShown")),
      202: shows("The trust; we have not approved it.", ref("TrustShown")),
    },
  },
  "POST /{actorId}/trust/{relationship}/{peerId}": {
    summary: "The peer says that it approved the trust",
    body: { content: json(taken(peerApprovalBody), { approved: true }) },
    answers: { 204: done("It is noted.") },
  },
  "PUT /{actorId}/trust/{relationship}/{peerId}": {
    summary: "Approve the trust, or change what it says",
    description: "The peer itself may change its `baseuri` and `desc`.",
    body: { content: json(taken(changeBody), { approved: true }) },
    answers: { 204: done("It is changed.") },
    errors: ["conflict"],
  },
  "DELETE /{actorId}/trust/{relationship}/{peerId}": {
    summary: "End the trust, with everything of that peer",
    query: { peer: { description: "With `true` the peer is not notified.", schema: choice("true", "false") } },
    answers: { 204: done("It has ended.") },
  },
  "GET /{actorId}/trust/{relationship}/{peerId}/permissions": {
    summary: "The permissions of a peer",
    description: "Those that were set for the peer, or else those of its relationship.",
    answers: { 200: shows("The permissions.", ref("Permissions")) },
  },
  "PUT /{actorId}/trust/{relationship}/{peerId}/permissions": {
    summary: "Set the permissions of a peer",
    description: "Fields that are left out are as the relationship has them. The peer is notified.",
    body: {
      content: json(taken(permissionSetBody), { properties: { patterns: ["profile/*"], operations: ["read"] } }),
    },
    answers: {
      200: shows("The permissions, changed.", ref("Permissions")),
      201: shows("The permissions, set for the first time.", ref("Permissions")),
    },
  },
  "DELETE /{actorId}/trust/{relationship}/{peerId}/permissions": {
    summary: "Give the peer the permissions of its relationship again",
    answers: { 204: done("They hold.") },
  },
  "GET /{actorId}/permissions/{peerId}": {
    summary: "The effective permissions of the peer that asks",
    answers: { 200: shows("The permissions.", ref("Permissions")) },
  },
};
