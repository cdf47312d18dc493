// Written by `npm run openapi`; not to be edited. From bBQbgAIs4Jr4lcoPFCwqT3d0yP2avk-BjrRYVehiBcI, as o4v0ibrcoZDvR2TDdSomfC8uweKOaQo1rQgPZhIQQF8.
export interface paths {
    "/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The name and version of the service */
        get: operations["getService"];
        put?: never;
        /**
         * Make an actor
         * @description As `ACTOR_CREATION` allows. Without a passphrase the service makes one of 160 bits; the answer shows it this once.
         */
        post: operations["postService"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the service and its table answer */
        get: operations["getHealthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document */
        get: operations["getOpenapijson"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        /** The actor */
        get: operations["getActor"];
        put?: never;
        post?: never;
        /**
         * Delete the actor and everything of it
         * @description Ends every trust. May be repeated until it answers 404.
         */
        delete: operations["deleteActor"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/meta": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        /** What the actor is, and what the service supports */
        get: operations["getActorMeta"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/meta/{leaf}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description Keys of `/meta`, with slashes between them. */
                leaf: string;
            };
            cookie?: never;
        };
        /** One member of `/meta` as a line of text */
        get: operations["getActorMetaByLeaf"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/trust": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        /** All trusts */
        get: operations["getActorTrust"];
        put?: never;
        /**
         * Ask a peer for trust
         * @description The service reads the peer's `/meta`, stores our approved side and asks the peer.
         */
        post: operations["postActorTrust"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/trust/{relationship}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The relationship of the trust. */
                relationship: string;
            };
            cookie?: never;
        };
        /** The trusts of a relationship */
        get: operations["getActorTrustByRelationship"];
        /**
         * Set the trustee
         * @description Only where `relationship` is the word `trustee`.
         */
        put: operations["putActorTrustByRelationship"];
        /** A peer asks for trust */
        post: operations["postActorTrustByRelationship"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/trust/{relationship}/{peerId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The relationship of the trust. */
                relationship: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        /** The trust with a peer */
        get: operations["getActorTrustByRelationshipByPeerId"];
        /**
         * Approve the trust, or change what it says
         * @description The peer itself may change its `baseuri` and `desc`.
         */
        put: operations["putActorTrustByRelationshipByPeerId"];
        /** The peer says that it approved the trust */
        post: operations["postActorTrustByRelationshipByPeerId"];
        /** End the trust, with everything of that peer */
        delete: operations["deleteActorTrustByRelationshipByPeerId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/trust/{relationship}/{peerId}/permissions": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The relationship of the trust. */
                relationship: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        /**
         * The permissions of a peer
         * @description Those that were set for the peer, or else those of its relationship.
         */
        get: operations["getActorTrustByRelationshipByPeerIdPermissions"];
        /**
         * Set the permissions of a peer
         * @description Fields that are left out are as the relationship has them. The peer is notified.
         */
        put: operations["putActorTrustByRelationshipByPeerIdPermissions"];
        post?: never;
        /** Give the peer the permissions of its relationship again */
        delete: operations["deleteActorTrustByRelationshipByPeerIdPermissions"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/permissions/{peerId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        /** The effective permissions of the peer that asks */
        get: operations["getActorPermissionsByPeerId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/properties": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        /** All properties */
        get: operations["getActorProperties"];
        put?: never;
        /**
         * Set up to 90 properties, all or none
         * @description A value of `""` deletes. `{"_type": "list"}` makes a list, `{"items": [{"index": 0, …}]}` changes items of one.
         */
        post: operations["postActorProperties"];
        /** Delete all properties */
        delete: operations["deleteActorProperties"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/properties/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
            };
            cookie?: never;
        };
        /**
         * What stands at a place
         * @description Of a list also its items at `/{index}`, its `/metadata`, its `/items` with their indices, and pages by `after` and `limit`.
         */
        get: operations["getActorPropertiesByName"];
        /**
         * Set what stands at a place
         * @description A JSON content type stores JSON. Of any other type, a body that parses as an object or array is JSON, and the rest is text. An empty body and `""` delete.
         */
        put: operations["putActorPropertiesByName"];
        /** Append an item to a list */
        post: operations["postActorPropertiesByName"];
        /** Delete what stands at a place */
        delete: operations["deleteActorPropertiesByName"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/properties/{name}/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
                /** @description Keys below it, with slashes between them. */
                path: string;
            };
            cookie?: never;
        };
        /**
         * What stands at a place
         * @description Of a list also its items at `/{index}`, its `/metadata`, its `/items` with their indices, and pages by `after` and `limit`.
         */
        get: operations["getActorPropertiesByNameByPath"];
        /**
         * Set what stands at a place
         * @description A JSON content type stores JSON. Of any other type, a body that parses as an object or array is JSON, and the rest is text. An empty body and `""` delete.
         */
        put: operations["putActorPropertiesByNameByPath"];
        /**
         * Carry out one operation on a list
         * @description Only at `/items` of a list. The body names an `operation`, or an `action`.
         */
        post: operations["postActorPropertiesByNameByPath"];
        /** Delete what stands at a place */
        delete: operations["deleteActorPropertiesByNameByPath"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/{target}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A target. */
                target: string;
            };
            cookie?: never;
        };
        /**
         * The state of a target of the application
         * @description What its state hook gives. Where the target is public, anyone may read it.
         */
        get: operations["getActorByTarget"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/{target}/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A target. */
                target: string;
                /** @description Keys below it, with slashes between them. */
                path: string;
            };
            cookie?: never;
        };
        /**
         * The state of a target of the application
         * @description What its state hook gives. Where the target is public, anyone may read it.
         */
        get: operations["getActorByTargetByPath"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/subscriptions": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        /** All subscriptions, of both directions */
        get: operations["getActorSubscriptions"];
        put?: never;
        /** Subscribe to a peer */
        post: operations["postActorSubscriptions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/subscriptions/{peerId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        /**
         * The subscriptions with one peer
         * @description The owner sees both directions, the peer its own to us.
         */
        get: operations["getActorSubscriptionsByPeerId"];
        put?: never;
        /**
         * A peer subscribes to us
         * @description The same scope again answers the same id with the new granularity. `subscriptions` makes up to 100.
         */
        post: operations["postActorSubscriptionsByPeerId"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/subscriptions/{peerId}/{subscriptionId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
            };
            cookie?: never;
        };
        /**
         * A subscription with its backlog
         * @description Reading clears nothing. A subscription of ours to a peer has no backlog here.
         */
        get: operations["getActorSubscriptionsByPeerIdBySubscriptionId"];
        /** Clear the backlog up to a number */
        put: operations["putActorSubscriptionsByPeerIdBySubscriptionId"];
        post?: never;
        /** End a subscription, whichever direction it has */
        delete: operations["deleteActorSubscriptionsByPeerIdBySubscriptionId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/subscriptions/{peerId}/{subscriptionId}/{sequence}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
                /** @description The number of a diff. */
                sequence: string;
            };
            cookie?: never;
        };
        /** One diff */
        get: operations["getActorSubscriptionsByPeerIdBySubscriptionIdBySequence"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/subscriptions/{peerId}/{subscriptionId}/resync": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Bring a subscription of ours up to date */
        post: operations["postActorSubscriptionsByPeerIdBySubscriptionIdResync"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/subscriptions/{peerId}/{subscriptionId}/state": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
            };
            cookie?: never;
        };
        /** The stream of a subscription of ours */
        get: operations["getActorSubscriptionsByPeerIdBySubscriptionIdState"];
        put?: never;
        post?: never;
        /** Begin a new epoch at 0 */
        delete: operations["deleteActorSubscriptionsByPeerIdBySubscriptionIdState"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
            };
            cookie?: never;
        };
        get?: never;
        /**
         * A peer sends a callback for a subscription of ours
         * @description With `CALLBACK_SUCCESS_STATUS=204` every accepted callback answers 204. The body may be gzip, br or deflate.
         */
        put: operations["putActorCallbacksSubscriptionsByPeerIdBySubscriptionId"];
        /**
         * A peer sends a callback for a subscription of ours
         * @description With `CALLBACK_SUCCESS_STATUS=204` every accepted callback answers 204. The body may be gzip, br or deflate.
         */
        post: operations["postActorCallbacksSubscriptionsByPeerIdBySubscriptionId"];
        /** A peer has ended the subscription of that id, whichever direction it has */
        delete: operations["deleteActorCallbacksSubscriptionsByPeerIdBySubscriptionId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/callbacks/permissions/{peerId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A peer says what it grants us */
        post: operations["postActorCallbacksPermissionsByPeerId"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/callbacks/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
            };
            cookie?: never;
        };
        /**
         * A callback of the application's own
         * @description Its hook decides. Without a hook: 401 or 403.
         */
        get: operations["getActorCallbacksByName"];
        /**
         * A callback of the application's own
         * @description Its hook decides. Without a hook: 401 or 403.
         */
        put: operations["putActorCallbacksByName"];
        /**
         * A callback of the application's own
         * @description Its hook decides. Without a hook: 401 or 403.
         */
        post: operations["postActorCallbacksByName"];
        /**
         * A callback of the application's own
         * @description Its hook decides. Without a hook: 401 or 403.
         */
        delete: operations["deleteActorCallbacksByName"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the events of all actors
         * @description With `ALL_EVENTS`, for the bearer of `OPERATOR_TOKEN`. Patterns are over `<actorId>.<topic>`.
         */
        get: operations["getEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/events": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        /**
         * Read events from a position, and wait for new ones
         * @description The read side of Durable Streams in JSON mode. A peer sees what its permissions open.
         */
        get: operations["getActorEvents"];
        put?: never;
        /**
         * Publish CloudEvents that name their topics
         * @description One CloudEvent, structured or in headers, or a batch of 1 to 90, all or none.
         */
        post: operations["postActorEvents"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/events/{topic}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The topic: tokens with dots between them. */
                topic: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Publish one event to a topic */
        post: operations["postActorEventsByTopic"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/events/{position}/data": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The position of the event. */
                position: string;
            };
            cookie?: never;
        };
        /**
         * The data of a large event
         * @description At the URL that the event's `dataref` gave.
         */
        get: operations["getActorEventsByPositionData"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        /** All webhooks */
        get: operations["getActorWebhooks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/webhooks/{webhookId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        /** A webhook: its settings, and how its deliveries stand */
        get: operations["getActorWebhooksByWebhookId"];
        /**
         * Make a webhook, or change its settings
         * @description The body is the whole of the settings. A change of what differs needs `If-Match`.
         */
        put: operations["putActorWebhooksByWebhookId"];
        post?: never;
        /** End a webhook, with its parked events */
        delete: operations["deleteActorWebhooksByWebhookId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/webhooks/{webhookId}/attempts": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        /**
         * The last attempts that were not taken
         * @description At most 50, and the first that was taken after each.
         */
        get: operations["getActorWebhooksByWebhookIdAttempts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/webhooks/{webhookId}/test": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send one test event
         * @description At most ten a minute.
         */
        post: operations["postActorWebhooksByWebhookIdTest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/webhooks/{webhookId}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mint another secret
         * @description Both secrets sign until the overlap ends.
         */
        post: operations["postActorWebhooksByWebhookIdRotate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/webhooks/{webhookId}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin no attempt until the webhook is resumed */
        post: operations["postActorWebhooksByWebhookIdPause"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/webhooks/{webhookId}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a pause or a stop */
        post: operations["postActorWebhooksByWebhookIdResume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/webhooks/{webhookId}/redrive": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send events again
         * @description Either those that are parked, or a part of the log.
         */
        post: operations["postActorWebhooksByWebhookIdRedrive"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/tasks/{taskId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The task. */
                taskId: string;
            };
            cookie?: never;
        };
        /** A task */
        get: operations["getActorTasksByTaskId"];
        put?: never;
        post?: never;
        /** Cancel a task */
        delete: operations["deleteActorTasksByTaskId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/groups": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        /** All consumer groups */
        get: operations["getActorGroups"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/groups/{group}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        /** A consumer group: its settings, and how it stands */
        get: operations["getActorGroupsByGroup"];
        /** Make a consumer group, or change its settings */
        put: operations["putActorGroupsByGroup"];
        post?: never;
        /** End a consumer group, with its parked events */
        delete: operations["deleteActorGroupsByGroup"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/groups/{group}/fetch": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Fetch events under a lease */
        post: operations["postActorGroupsByGroupFetch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/groups/{group}/ack": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Say what became of events */
        post: operations["postActorGroupsByGroupAck"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/groups/{group}/reset": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin again at a position */
        post: operations["postActorGroupsByGroupReset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/groups/{group}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Give no lease until the group is resumed */
        post: operations["postActorGroupsByGroupPause"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/groups/{group}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a pause or a stop */
        post: operations["postActorGroupsByGroupResume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/groups": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All consumer groups over all actors
         * @description With `ALL_EVENTS`, for the bearer of `OPERATOR_TOKEN`, as all routes below `/groups`.
         */
        get: operations["getGroups"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/groups/{group}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        /** A consumer group over all actors: its settings, and how it stands */
        get: operations["getGroupsByGroup"];
        /**
         * Make a consumer group over all actors, or change its settings
         * @description Patterns are over `<actorId>.<topic>`.
         */
        put: operations["putGroupsByGroup"];
        post?: never;
        /** End a consumer group over all actors, with its parked events */
        delete: operations["deleteGroupsByGroup"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/groups/{group}/fetch": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Fetch events of all actors under a lease
         * @description The `position` of an event begins with its actor, and is what an acknowledgement names.
         */
        post: operations["postGroupsByGroupFetch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/groups/{group}/ack": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Say what became of events of all actors */
        post: operations["postGroupsByGroupAck"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/groups/{group}/reset": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin again at a position of the events of all actors */
        post: operations["postGroupsByGroupReset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/groups/{group}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Give no lease until the group is resumed */
        post: operations["postGroupsByGroupPause"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/groups/{group}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a pause or a stop */
        post: operations["postGroupsByGroupResume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/suspensions": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        /** The suspended targets */
        get: operations["getActorSuspensions"];
        put?: never;
        /** Suspend the diffs of a target */
        post: operations["postActorSuspensions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/suspensions/{target}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A target. */
                target: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Resume the diffs of a target
         * @description Every subscription in scope gets a resync.
         */
        delete: operations["deleteActorSuspensionsByTarget"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/suspensions/{target}/{subtarget}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A target. */
                target: string;
                /** @description A subtarget. */
                subtarget: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Resume the diffs of a target
         * @description Every subscription in scope gets a resync.
         */
        delete: operations["deleteActorSuspensionsByTargetBySubtarget"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/public": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        /** What anyone may read */
        get: operations["getActorPublic"];
        /**
         * Say what anyone may read
         * @description Replaces what is public. At most 100 entries, and 8 KiB.
         */
        put: operations["putActorPublic"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/hub": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A request of a WebSub subscriber or publisher
         * @description Checked in form alone; what becomes of it shows in what the callback gets.
         */
        post: operations["postActorHub"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/peers": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        /** The peers, with what is stored of each */
        get: operations["getActorPeers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/peers/{peerId}/properties": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        /** The copy of a peer's properties */
        get: operations["getActorPeersByPeerIdProperties"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/peers/{peerId}/properties/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description A name. */
                name: string;
            };
            cookie?: never;
        };
        /** One property of the copy */
        get: operations["getActorPeersByPeerIdPropertiesByName"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/peers/{peerId}/breaker": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Close the breaker of a peer
         * @description What the peer missed is delivered after the answer.
         */
        delete: operations["deleteActorPeersByPeerIdBreaker"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/parked": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        /** Events and reads that failed */
        get: operations["getActorParked"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/{actorId}/parked/{eventId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The failed event. */
                eventId: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Retry or skip one of them */
        post: operations["postActorParkedByEventId"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface webhooks {
    event: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** An event to a webhook, signed as of Standard Webhooks */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/cloudevents+json": components["schemas"]["Event"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    callback: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A callback to a peer that has subscribed */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Callback"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    permissions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A callback to a peer whose permissions have changed */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["PermissionCallback"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface components {
    schemas: {
        /**
         * @description What went wrong, for programs.
         * @enum {unknown}
         */
        ErrorCode: "bad_request" | "unsupported_media_type" | "payload_too_large" | "unauthorized" | "forbidden" | "too_many_attempts" | "token_invalid" | "not_found" | "conflict" | "gone" | "topic_mismatch" | "digest_mismatch" | "idempotency_conflict" | "precondition_failed" | "precondition_required" | "position_gone" | "fenced" | "held" | "limit_reached" | "rate_limited" | "method_not_allowed" | "pending_queue_full" | "busy" | "fetch_failed" | "peer_unreachable" | "peer_invalid_answer" | "peer_refused" | "service_unavailable" | "internal_error";
        ActingWeb: {
            version: string;
            supported: string;
            formats: string;
        };
        Actor: {
            id: string;
            creator: string;
            trustee_root?: string;
        };
        NewActor: {
            id: string;
            creator: string;
            /** @description Shown this once. */
            passphrase: string;
            trustee_root?: string;
        };
        Meta: {
            id: string;
            type: string;
            version: string;
            desc: string;
            info: string;
            trustee_root: string;
            specification: string;
            actingweb: components["schemas"]["ActingWeb"];
            aw_version: string;
            aw_supported: string;
            aw_formats: string;
            aw_trust_types: string[];
        };
        Trust: {
            /** @description Our actor. */
            id: string;
            peerid: string;
            /** Format: uri */
            baseuri: string;
            type: string;
            relationship: string;
            /** @description The bearer of both sides. */
            secret?: string;
            desc: string;
            /** @description Our side. */
            approved: boolean;
            /** @description The other side. */
            peer_approved: boolean;
            verified: boolean;
            verification_token?: string;
            verificationToken?: string;
            /** Format: date-time */
            created_at: string;
        };
        TrustShown: {
            /** @description Our actor. */
            id: string;
            peerid: string;
            /** Format: uri */
            baseuri: string;
            type: string;
            relationship: string;
            /** @description The bearer of both sides. */
            secret?: string;
            desc: string;
            /** @description Our side. */
            approved: boolean;
            /** @description The other side. */
            peer_approved: boolean;
            verified: boolean;
            verification_token?: string;
            verificationToken?: string;
            /** Format: date-time */
            created_at: string;
            permissions?: components["schemas"]["PermissionSet"] | null;
        };
        PermissionSet: {
            properties?: {
                patterns?: string[];
                excluded_patterns?: string[];
                operations?: string[];
            };
            /** @description Patterns of topics that the peer may publish to. */
            publish?: string[];
            methods?: string[] | {
                [key: string]: unknown;
            };
            actions?: string[] | {
                [key: string]: unknown;
            };
            tools?: string[] | {
                [key: string]: unknown;
            };
            resources?: string[] | {
                [key: string]: unknown;
            };
            prompts?: string[] | {
                [key: string]: unknown;
            };
        };
        Permissions: {
            actor_id: string;
            peer_id: string;
            permissions: components["schemas"]["PermissionSet"];
            /** @enum {unknown} */
            source: "custom_override" | "trust_type_default";
            trust_type: string;
            is_custom: boolean;
            properties?: {
                patterns?: string[];
                excluded_patterns?: string[];
                operations?: string[];
            };
            /** @description Patterns of topics that the peer may publish to. */
            publish?: string[];
            methods?: string[] | {
                [key: string]: unknown;
            };
            actions?: string[] | {
                [key: string]: unknown;
            };
            tools?: string[] | {
                [key: string]: unknown;
            };
            resources?: string[] | {
                [key: string]: unknown;
            };
            prompts?: string[] | {
                [key: string]: unknown;
            };
        };
        /** @description Any JSON value. */
        Value: unknown;
        ListMetadata: {
            name: string;
            /** @constant */
            _list: true;
            count: number;
            description: string;
            explanation: string;
        };
        ListPage: {
            items: unknown[];
            next?: string;
        };
        Added: {
            /** @constant */
            success: true;
            index: number;
        };
        Subscription: {
            /** @description Our actor. */
            id: string;
            peerid: string;
            subscriptionid: string;
            /** @enum {unknown} */
            granularity: "high" | "low" | "none";
            target: string;
            subtarget: string;
            resource: string;
            sequence: number;
            /** @description False for a peer's subscription to us, true for ours to a peer. */
            callback: boolean;
            /** @description Why it stands still. */
            problem?: {
                code: string;
                /** Format: date-time */
                since: string;
                status?: number;
                /** Format: date-time */
                nextAt?: string;
            };
        };
        SubscriptionMade: {
            subscriptionid: string;
            target: string;
            subtarget: string;
            resource: string;
            /** @enum {unknown} */
            granularity: "high" | "low" | "none";
            sequence: number;
        };
        Diff: {
            sequence: number;
            timestamp: string;
            /** @constant */
            type?: "resync";
            data: unknown;
            /** @description JSON Pointers into `data`: there the value stands literally. */
            overwritten?: string[];
            /** @description Of a state: the newest diff that it contains. */
            contains?: number;
            /** Format: uri */
            url?: string;
        };
        OneDiff: {
            id: string;
            peerid: string;
            subscriptionid: string;
            target: string;
            subtarget: string;
            resource: string;
            sequence: number;
            timestamp: string;
            /** @constant */
            type?: "resync";
            data: unknown;
            /** @description JSON Pointers into `data`: there the value stands literally. */
            overwritten?: string[];
            /** @description Of a state: the newest diff that it contains. */
            contains?: number;
            /** Format: uri */
            url?: string;
        };
        Backlog: {
            id: string;
            peerid: string;
            subscriptionid: string;
            target: string;
            subtarget: string;
            resource: string;
            /** @description The newest number that was made. */
            sequence: number;
            data: components["schemas"]["Diff"][];
            /** @description Where a page ended: what to ask for as `after`. */
            next?: number;
        };
        StreamState: {
            lastSeq: number;
            pendingCount: number;
            pendingSequences: number[];
            resyncPending: boolean;
            /** Format: date-time */
            gapSince?: string;
            /** @constant */
            contradicted?: true;
            recovery?: components["schemas"]["Recovery"];
            epoch: number;
            version: number;
        };
        Recovery: {
            /** Format: date-time */
            startedAt: string;
            read: number;
            of?: number;
        };
        Suspension: {
            target: string;
            subtarget: string;
        };
        Callback: {
            id?: string | null;
            subscriptionid?: string | null;
            target?: string | null;
            subtarget?: string | null;
            resource?: string | null;
            sequence: number;
            /** @description ISO 8601; without a zone it is UTC. */
            timestamp?: string | null;
            /** @enum {unknown} */
            granularity?: "high" | "low" | "none" | null;
            /** @enum {unknown} */
            type?: "diff" | "resync" | null;
            /** @description What changed, relative to the scope of the subscription. */
            data?: unknown;
            /** @description Where the data is, in place of `data`. */
            url?: string | null;
            /** @description Of a diff: JSON Pointers into `data`, at which the value stands literally. */
            overwritten?: unknown;
        };
        CallbackTaken: {
            /** @enum {unknown} */
            result: "processed" | "duplicate" | "pending" | "resync_required";
            sequence?: number;
            expected?: number;
        };
        PermissionCallback: {
            id?: string | null;
            /** @enum {unknown} */
            target?: "permissions" | null;
            /** @enum {unknown} */
            type?: "permission" | null;
            timestamp?: string | null;
            /** @description The whole grant. */
            data: {
                properties: string[] | {
                    patterns?: string[] | null;
                    excluded_patterns?: string[] | null;
                    operations?: string[] | null;
                };
            } & {
                [key: string]: unknown;
            };
        };
        Peer: {
            peerid: string;
            relationship: string;
            approved: boolean;
            capabilities: {
                version: string;
                supported: string[];
                /** Format: date-time */
                fetchedAt: string;
            } | null;
            breaker: {
                /** @enum {unknown} */
                state: "closed" | "open" | "half_open";
                failures: number;
                /** Format: date-time */
                openUntil?: string;
                /** Format: date-time */
                pausedUntil?: string;
            };
            stored: {
                scalarCount: number;
                listCount: number;
                bytes: number;
            };
            subscriptions: {
                inbound: number;
                outbound: number;
            };
        };
        PeerProperty: {
            /** @enum {unknown} */
            type: "scalar" | "list";
            value: unknown;
            itemCount?: number;
            /** @constant */
            truncated?: true;
            sequence: number;
            /** Format: date-time */
            updatedAt: string;
            stale?: {
                /** Format: date-time */
                since: string;
                reason: string;
            };
        };
        FailedEvent: {
            id: string;
            /** @enum {unknown} */
            kind: "hook" | "read" | "webhook" | "event-hook" | "group" | "root-group";
            source: string;
            peerid?: string;
            subscriptionid?: string;
            place?: string;
            reason?: string;
            /** Format: date-time */
            since?: string;
            target?: string;
            subtarget?: string;
            resource?: string;
            callbackType?: string;
            topic?: string;
            type?: string;
            position?: string;
            sequence?: number;
            /** @enum {unknown} */
            status?: "retry" | "parked" | "stopped" | "held";
            starts?: number;
            attempts?: {
                /** Format: date-time */
                at: string;
                error: string;
            }[];
            /** Format: date-time */
            dueAt?: string;
        };
        PublicAccess: {
            properties: string[];
            targets: string[];
        };
        Event: {
            /** @constant */
            specversion: "1.0";
            id: string;
            /**
             * Format: uri
             * @description The root URI of the actor.
             */
            source: string;
            type: string;
            /** @description The topic. */
            subject: string;
            /** Format: date-time */
            time: string;
            datacontenttype: string;
            /** Format: uri */
            dataschema?: string;
            /** @description The place of the event in the actor's log. Texts of later positions sort later. */
            position: string;
            /** @description The event's number for this listener. A gap shows that something is missing. */
            sequence?: string;
            partitionkey?: string;
            traceparent?: string;
            tracestate?: string;
            /** @description The `source` that the publisher gave. */
            originsource?: string;
            /** @description The `id` that the publisher gave. */
            originid?: string;
            /** @description How many hooks led from one event to the next. */
            hops?: number;
            data?: unknown;
            /** @description Data that is neither JSON nor text. */
            data_base64?: string;
            /**
             * Format: uri
             * @description Where large data can be read for a week.
             */
            dataref?: string;
            /** @description `sha-256=:…:` of that data. */
            datadigest?: string;
        } & {
            [key: string]: unknown;
        };
        CloudEvent: {
            /** @constant */
            specversion: "1.0";
            id: string;
            source: string;
            type: string;
            /** @description The topic; needed where the URL names none. */
            subject?: string | null;
            time?: string | null;
            datacontenttype?: string | null;
            dataschema?: string | null;
            partitionkey?: string | null;
            traceparent?: string | null;
            /** @description Counts beside a `traceparent` alone. */
            tracestate?: unknown;
            /** @description Given by the service; dropped. */
            position?: unknown;
            /** @description Given by the service; dropped. */
            sequence?: unknown;
            /** @description Given by the service; dropped. */
            hops?: unknown;
            /** @description Given by the service; dropped. */
            originsource?: unknown;
            /** @description Given by the service; dropped. */
            originid?: unknown;
            dataref?: null;
            /** @description Given by the service; dropped. */
            datadigest?: unknown;
            data?: unknown;
            data_base64?: string | null;
        } & {
            [key: string]: string | boolean | number | null;
        };
        Published: {
            position?: string;
            /** @description Of a batch, in its order. */
            positions?: string[];
            subscribers?: {
                total: number;
                notified: number;
                failed: number;
                skipped: number;
                deferred: number;
                ambiguous: number;
            };
            /**
             * @description It was published before, under this key: nothing was sent.
             * @constant
             */
            replayed?: true;
        };
        Webhook: {
            id: string;
            /** Format: uri */
            url?: string;
            urls?: string[];
            topics: string[];
            types?: string[];
            /** @enum {unknown} */
            order: "key" | "strict" | "none";
            parallel: number;
            /** @enum {unknown} */
            signature: "v1" | "none";
            rate: {
                limit: number;
                periodSeconds: number;
            };
            maxAttempts: number;
            /** @enum {unknown} */
            onExhausted: "park" | "stop";
            retryAmbiguous: boolean;
            timeoutSeconds: number;
            inlineMaxBytes?: number;
            /** @constant */
            bearer?: true;
            headers?: {
                [key: string]: true;
            };
            /** @description The minted secret in the answer that mints it, else true. */
            secret?: string | true;
            /** @enum {unknown} */
            status: "active" | "paused" | "failing" | "stopped" | "gone";
            reason?: string;
            position: string;
            sequence: number;
            lag: number;
            oldestSeconds: number;
            blocked: {
                key: string;
                position: string;
                attempts: number;
                /** Format: date-time */
                nextAttemptAt: string;
                held: number;
            }[];
            breaker: {
                /** @enum {unknown} */
                state: "closed" | "open" | "half_open";
                failures: number;
                /** Format: date-time */
                openUntil?: string;
                /** Format: date-time */
                pausedUntil?: string;
            };
            lastAttempt?: components["schemas"]["Attempt"];
            /** @description What the webhook never hears. */
            skipped?: {
                from: string;
                to: string;
            };
        };
        Group: {
            name: string;
            topics: string[];
            types?: string[];
            /** @enum {unknown} */
            order: "key" | "strict";
            leaseSeconds: number;
            maxAttempts: number;
            /** @enum {unknown} */
            onExhausted: "park" | "stop";
            /** @enum {unknown} */
            status: "active" | "paused" | "stopped" | "draining";
            stopped?: {
                /** @enum {unknown} */
                reason: "exhausted" | "position_gone";
                position?: string;
                key?: string;
            };
            /** @description Everything up to there is done. */
            floor: string;
            /** @description The end of the log. */
            newest: string;
            /** @description How many events are not done. */
            lag: number;
            /** @description The age of the oldest of them. */
            oldestSeconds: number;
            /** @description How many events wait for a person. */
            parked: number;
            lanes: {
                lane: number;
                position: string;
                /** @description How many events a consumer has. */
                lent: number;
                holder?: string;
                /** Format: date-time */
                until?: string;
                blocked: {
                    key: string;
                    position: string;
                    attempts: number;
                    /** Format: date-time */
                    nextAttemptAt: string;
                }[];
            }[];
        };
        RootGroup: {
            name: string;
            topics: string[];
            types?: string[];
            /** @enum {unknown} */
            order: "key" | "strict";
            leaseSeconds: number;
            maxAttempts: number;
            /** @enum {unknown} */
            onExhausted: "park" | "stop";
            /** @enum {unknown} */
            status: "active" | "paused" | "stopped" | "draining";
            stopped?: {
                /** @enum {unknown} */
                reason: "exhausted" | "position_gone";
                position: string;
                key?: string;
            };
            /** @description Everything that changed up to there is done: a position of `GET /events`. */
            floor: string;
            newest: string;
            /** @description Actors with events that are not done. */
            lag: number;
            oldestSeconds: number;
            parked: number;
            /** @description Actors with parked events, at most 100. */
            parkedAt: string[];
            lanes: {
                lane: number;
                position: string;
                actors: number;
                lent: number;
                holder?: string;
                /** Format: date-time */
                until?: string;
            }[];
        };
        Attempt: {
            /** Format: date-time */
            time: string;
            ms: number;
            /** @enum {unknown} */
            result: "taken" | "failed" | "ambiguous" | "refused";
            target: string;
            status?: number;
            error?: string;
            /** @description The beginning of the answer. */
            answer?: string;
            position?: string;
        };
        Task: {
            id: string;
            kind: string;
            webhook?: string;
            /** @enum {unknown} */
            state: "running" | "done" | "failed" | "cancelled";
            done: number;
            total?: number;
            failed: number;
            /** Format: date-time */
            startedAt: string;
            /** Format: date-time */
            endedAt?: string;
        };
        GroupSettings: {
            /** @description Patterns. */
            topics: string[];
            /** @description Exact types, or beginnings such as `a.*` [all]. */
            types?: string[] | null;
            /** @description Where a new group begins: `now`, `earliest` or a position [`now`]. */
            from?: string | null;
            /** @description How many consumers can work at the same time [1]. */
            lanes?: (number | unknown[]) | null;
            /** @description `key`: the events of one key in order; `strict`: all events, in one lane [`key`]. */
            order?: ("key" | "strict") | null;
            /** @description How long a consumer has what it fetched [30]. */
            leaseSeconds?: number | null;
            /** @description Deliveries before an event is parked [5]. */
            maxAttempts?: number | null;
            /** @description What becomes of the event after them, and with `stop` of the group [`park`]. */
            onExhausted?: ("park" | "stop") | null;
        };
        Fetch: {
            /** @description Most events [100]. */
            max?: number | null;
            /** @description How long the service waits for an event [0]. */
            waitSeconds?: number | null;
            /** @description The consumer's name, as an operator sees it. */
            consumer: string;
        };
        Batch: {
            events: components["schemas"]["Fetched"][];
            leases: components["schemas"]["Lease"][];
            /** @description How many records of the log come after those of which every event is done. */
            lag: number;
            /** @description Whether there is nothing behind these events. */
            caughtUp: boolean;
        };
        Fetched: {
            event: components["schemas"]["Event"];
            /** @description 1 for the first. */
            attempt: number;
            lane: number;
        };
        Lease: {
            lane: number;
            /** @description What `ack` names it by. */
            token: string;
            /** Format: date-time */
            until: string;
        };
        Ack: {
            /** @description The lease. */
            token: string;
            /** @description Acknowledges every event of the lease up to this position. */
            upTo?: string | null;
            /** @description Verdicts on single events. `release` gives one back and counts no attempt. */
            items?: {
                position: string;
                /** @enum {string} */
                verdict: "ack" | "retry" | "park" | "skip" | "stop" | "release";
                delaySeconds?: number | null;
            }[] | null;
            /** @description Lets the lease begin again. */
            extend?: boolean | null;
            /** @description Ends the lease. */
            done?: boolean | null;
        };
        Acknowledged: {
            outcomes: {
                position: string;
                /** @enum {unknown} */
                outcome: "done" | "retried" | "parked" | "skipped" | "stopped" | "released" | "early" | "not_lent" | "late";
            }[];
            leases: components["schemas"]["Lease"][];
        };
        Error: {
            error: {
                /** @enum {unknown} */
                code: "bad_request" | "unsupported_media_type" | "payload_too_large" | "unauthorized" | "forbidden" | "too_many_attempts" | "token_invalid" | "not_found" | "conflict" | "gone" | "topic_mismatch" | "digest_mismatch" | "idempotency_conflict" | "precondition_failed" | "precondition_required" | "position_gone" | "fenced" | "held" | "limit_reached" | "rate_limited" | "method_not_allowed" | "pending_queue_full" | "busy" | "fetch_failed" | "peer_unreachable" | "peer_invalid_answer" | "peer_refused" | "service_unavailable" | "internal_error";
                /** @description One sentence that a person can act on. */
                message: string;
                /** @description What the log of the service names the request by. */
                requestId: string;
                /** @description What is at fault, as the client named it. */
                field?: string;
                /** @description The settings that differ. */
                fields?: string[];
                /** @description The number that the stream waits for. */
                expected?: number;
                /** @description What the peer answered. */
                peerStatus?: number;
                /** @description The task that runs. */
                task?: string;
                /** @description How the consumer group stands. */
                status?: string;
                /** @description The event at which it stopped. */
                position?: string;
                /** @description The consumer that has a lane. */
                holder?: string;
                /** @description When its lease ends. */
                until?: string;
            };
        };
    };
    responses: {
        /** @description `bad_request`, `digest_mismatch` */
        "400.bad_request.digest_mismatch": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "bad_request" | "digest_mismatch";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `bad_request`, `digest_mismatch`, `topic_mismatch` */
        "400.bad_request.digest_mismatch.topic_mismatch": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "bad_request" | "digest_mismatch" | "topic_mismatch";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `bad_request`, `digest_mismatch` */
        "400.text.bad_request.digest_mismatch": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
        /** @description `unauthorized` */
        "401.unauthorized": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description The schemes that are taken. */
                "www-authenticate": string;
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "unauthorized";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `forbidden` */
        "403.forbidden": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "forbidden";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `token_invalid` */
        "403.token_invalid": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "token_invalid";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `not_found` */
        "404.not_found": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "not_found";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `not_found` */
        "404.not_found.etag.link": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description The digest of the body, where the place is public. */
                etag?: string;
                /** @description The hub and the topic, where the place is public and at most 1 MiB. */
                link?: string;
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "not_found";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `not_found` */
        "404.not_found.x-actingweb-sequence.etag.link": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description The newest diff of the subscription named in the request that the answer contains. */
                "x-actingweb-sequence"?: string;
                /** @description The digest of the body, where the place is public. */
                etag?: string;
                /** @description The hub and the topic, where the place is public and at most 1 MiB. */
                link?: string;
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "not_found";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `not_found` */
        "404.text.not_found": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
        /** @description `method_not_allowed` */
        "405.method_not_allowed": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description The methods that the path takes. */
                allow: string;
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "method_not_allowed";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `peer_unreachable` */
        "408.peer_unreachable": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "peer_unreachable";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `conflict` */
        "409.conflict": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "conflict";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `conflict`, `limit_reached` */
        "409.conflict.limit_reached": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "conflict" | "limit_reached";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `fenced` */
        "409.fenced": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "fenced";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `limit_reached` */
        "409.limit_reached": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "limit_reached";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `limit_reached` */
        "409.text.limit_reached": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
        /** @description `gone` */
        "410.gone": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "gone";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `position_gone` */
        "410.position_gone": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "position_gone";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `position_gone` */
        "410.position_gone.link": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description Where the state can be read instead. */
                link?: string;
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "position_gone";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `precondition_failed` */
        "412.precondition_failed": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "precondition_failed";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `payload_too_large` */
        "413.payload_too_large": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "payload_too_large";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `payload_too_large` */
        "413.text.payload_too_large": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
        /** @description `unsupported_media_type` */
        "415.text.unsupported_media_type": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
        /** @description `unsupported_media_type` */
        "415.unsupported_media_type": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "unsupported_media_type";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `unsupported_media_type` */
        "415.unsupported_media_type.accept-encoding": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description The encodings that are taken. */
                "accept-encoding"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "unsupported_media_type";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `idempotency_conflict` */
        "422.idempotency_conflict": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "idempotency_conflict";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `held` */
        "423.held.retry-after": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description Seconds after which to fetch again. */
                "retry-after": string;
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "held";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `precondition_required` */
        "428.precondition_required": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "precondition_required";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `pending_queue_full` */
        "429.pending_queue_full": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description Seconds after which the request may succeed. */
                "retry-after": string;
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "pending_queue_full";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `rate_limited`, `too_many_attempts` */
        "429.rate_limited.too_many_attempts": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description Seconds after which the request may succeed. */
                "retry-after": string;
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "rate_limited" | "too_many_attempts";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `rate_limited` */
        "429.text.rate_limited": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description Seconds after which the request may succeed. */
                "retry-after": string;
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
        /** @description `too_many_attempts` */
        "429.too_many_attempts": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description Seconds after which the request may succeed. */
                "retry-after": string;
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "too_many_attempts";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `internal_error` */
        "500.internal_error": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "internal_error";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `internal_error` */
        "500.text.internal_error": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "internal_error";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `peer_invalid_answer` */
        "502.peer_invalid_answer": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "peer_invalid_answer";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `peer_invalid_answer`, `peer_refused` */
        "502.peer_invalid_answer.peer_refused": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "peer_invalid_answer" | "peer_refused";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `busy`, `fetch_failed`, `service_unavailable` */
        "503.busy.fetch_failed.service_unavailable": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description Seconds after which the request may succeed. */
                "retry-after": string;
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "busy" | "fetch_failed" | "service_unavailable";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `busy`, `service_unavailable` */
        "503.busy.service_unavailable": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description Seconds after which the request may succeed. */
                "retry-after": string;
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "busy" | "service_unavailable";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `service_unavailable` */
        "503.service_unavailable": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description Seconds after which the request may succeed. */
                "retry-after": string;
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    error: {
                        /** @enum {unknown} */
                        code: "service_unavailable";
                        /** @description One sentence that a person can act on. */
                        message: string;
                        /** @description What the log of the service names the request by. */
                        requestId: string;
                        /** @description What is at fault, as the client named it. */
                        field?: string;
                        /** @description The settings that differ. */
                        fields?: string[];
                        /** @description The number that the stream waits for. */
                        expected?: number;
                        /** @description What the peer answered. */
                        peerStatus?: number;
                        /** @description The task that runs. */
                        task?: string;
                        /** @description How the consumer group stands. */
                        status?: string;
                        /** @description The event at which it stopped. */
                        position?: string;
                        /** @description The consumer that has a lane. */
                        holder?: string;
                        /** @description When its lease ends. */
                        until?: string;
                    };
                };
            };
        };
        /** @description `service_unavailable` */
        "503.text.service_unavailable": {
            headers: {
                "x-request-id": components["headers"]["x-request-id"];
                "cache-control": components["headers"]["cache-control"];
                "apigw-requestid": components["headers"]["apigw-requestid"];
                "content-digest": components["headers"]["content-digest"];
                vary: components["headers"]["vary"];
                /** @description Seconds after which the request may succeed. */
                "retry-after": string;
                [name: string]: unknown;
            };
            content: {
                "text/plain": string;
            };
        };
    };
    parameters: {
        /** @description Names the request in the log and in requests to peers. */
        RequestId: string;
        /** @description The W3C trace that the request belongs to. */
        Traceparent: string;
        /** @description The digest of the body (RFC 9530); checked before the route acts. */
        ContentDigest: string;
        /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
        MethodOverride: string;
        /** @description As `X-HTTP-Method-Override`. */
        Method: string;
    };
    requestBodies: never;
    headers: {
        /** @description What the log of the service names the request by. */
        "x-request-id": string;
        /** @description Whether caches may keep the answer. */
        "cache-control": string;
        /** @description What the gateway's log names the request by. */
        "apigw-requestid": string;
        /** @description The SHA-256 of the bytes on the wire (RFC 9530). */
        "content-digest": string;
        /** @description `accept-encoding`, of a body that is compressed. */
        vary: string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getService: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The service. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        service: string;
                        version: string;
                        type: string;
                        desc: string;
                        info: string;
                        actingweb: components["schemas"]["ActingWeb"];
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postService: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "creator": "creator"
                 *     }
                 */
                "application/json": {
                    creator?: string | null;
                    passphrase?: string | null;
                    trustee_root?: string | null;
                };
                /**
                 * @example {
                 *       "creator": "creator"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    creator?: string | null;
                    passphrase?: string | null;
                    trustee_root?: string | null;
                };
            };
        };
        responses: {
            /** @description The actor. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description The root URI of the actor. */
                    location: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewActor"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getHealthz: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They do. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        status: "ok";
                        version: string;
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getOpenapijson: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An OpenAPI document of version 3.1. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActor: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The actor. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Actor"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActor: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is deleted. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorMeta: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The actor's description of itself. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Meta"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            404: components["responses"]["404.not_found"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorMetaByLeaf: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description Keys of `/meta`, with slashes between them. */
                leaf: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A list's parts follow one another with commas; an object stands as JSON. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            404: components["responses"]["404.not_found"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorTrust: {
        parameters: {
            query?: {
                /** @description Only trusts of this relationship. */
                relationship?: string;
                /** @description Only the trust with this peer. */
                peerid?: string;
                /** @description Only peers of this type. */
                type?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The trusts. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trust"][];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorTrust: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "url": "https://peer.example/abc",
                 *       "relationship": "friend",
                 *       "desc": "A friend"
                 *     }
                 */
                "application/json": {
                    url: string;
                    approved?: unknown;
                    permissions?: unknown;
                    relationship?: (string | "") | null;
                    type?: string | null;
                    desc?: string | null;
                    secret?: string | null;
                };
            };
        };
        responses: {
            /** @description The trust. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description The trust's URL. */
                    location: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trust"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            408: components["responses"]["408.peer_unreachable"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            502: components["responses"]["502.peer_invalid_answer"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorTrustByRelationship: {
        parameters: {
            query?: {
                /** @description Only trusts of this relationship too. */
                relationship?: string;
                /** @description Only the trust with this peer. */
                peerid?: string;
                /** @description Only peers of this type. */
                type?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The relationship of the trust. */
                relationship: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The trusts. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trust"][];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    putActorTrustByRelationship: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The relationship of the trust. */
                relationship: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "trustee_root": "https://trustee.example/abc"
                 *     }
                 */
                "application/json": {
                    trustee_root: string;
                    creator?: string | null;
                };
            };
        };
        responses: {
            /** @description It is set. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorTrustByRelationship: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The relationship of the trust. */
                relationship: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "baseuri": "https://peer.example/abc",
                 *       "id": "abc",
                 *       "type": "urn:actingweb:example.com:demo",
                 *       "secret": "a-secret-of-both-sides",
                 *       "desc": "A friend",
                 *       "verify": "a-token-that-the-peer-answers-with"
                 *     }
                 */
                "application/json": {
                    baseuri: string;
                    id: string;
                    type?: string | null;
                    secret: string;
                    desc?: string | null;
                    verify?: string | null;
                };
            };
        };
        responses: {
            /** @description The trust, approved at once. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description The trust's URL. */
                    location: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trust"];
                };
            };
            /** @description The trust, which the owner has not approved yet. */
            202: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description The trust's URL. */
                    location: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trust"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            408: components["responses"]["408.peer_unreachable"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            500: components["responses"]["500.internal_error"];
            502: components["responses"]["502.peer_invalid_answer"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorTrustByRelationshipByPeerId: {
        parameters: {
            query?: {
                /** @description With `true`, the permissions that were set for the peer too. */
                permissions?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The relationship of the trust. */
                relationship: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The trust; we approved it. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrustShown"];
                };
            };
            /** @description The trust; we have not approved it. */
            202: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrustShown"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    putActorTrustByRelationshipByPeerId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The relationship of the trust. */
                relationship: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "approved": true
                 *     }
                 */
                "application/json": {
                    approved?: (boolean | ("true" | "false")) | null;
                    desc?: string | null;
                    baseuri?: string | null;
                    permissions?: {
                        properties?: string[] | {
                            patterns?: string[];
                            excluded_patterns?: string[];
                            operations?: ("read" | "write" | "subscribe" | "delete")[];
                            allowed?: unknown;
                            denied?: unknown;
                        };
                        publish?: string[];
                        methods?: string[] | ({
                            allowed?: string[];
                            denied?: string[];
                            patterns?: string[];
                            excluded_patterns?: string[];
                            operations?: string[];
                        } & {
                            [key: string]: unknown;
                        });
                        actions?: string[] | ({
                            allowed?: string[];
                            denied?: string[];
                            patterns?: string[];
                            excluded_patterns?: string[];
                            operations?: string[];
                        } & {
                            [key: string]: unknown;
                        });
                        tools?: string[] | ({
                            allowed?: string[];
                            denied?: string[];
                            patterns?: string[];
                            excluded_patterns?: string[];
                            operations?: string[];
                        } & {
                            [key: string]: unknown;
                        });
                        resources?: string[] | ({
                            allowed?: string[];
                            denied?: string[];
                            patterns?: string[];
                            excluded_patterns?: string[];
                            operations?: string[];
                        } & {
                            [key: string]: unknown;
                        });
                        prompts?: string[] | ({
                            allowed?: string[];
                            denied?: string[];
                            patterns?: string[];
                            excluded_patterns?: string[];
                            operations?: string[];
                        } & {
                            [key: string]: unknown;
                        });
                    } | null;
                    id?: unknown;
                    peerid?: unknown;
                    type?: unknown;
                    relationship?: unknown;
                    secret?: unknown;
                    peer_approved?: unknown;
                    verified?: unknown;
                    verification_token?: unknown;
                    verificationToken?: unknown;
                    created_at?: unknown;
                };
            };
        };
        responses: {
            /** @description It is changed. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorTrustByRelationshipByPeerId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The relationship of the trust. */
                relationship: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "approved": true
                 *     }
                 */
                "application/json": {
                    approved: boolean | ("true" | "false");
                };
            };
        };
        responses: {
            /** @description It is noted. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorTrustByRelationshipByPeerId: {
        parameters: {
            query?: {
                /** @description With `true` the peer is not notified. */
                peer?: "true" | "false";
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The relationship of the trust. */
                relationship: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It has ended. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorTrustByRelationshipByPeerIdPermissions: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The relationship of the trust. */
                relationship: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The permissions. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Permissions"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    putActorTrustByRelationshipByPeerIdPermissions: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The relationship of the trust. */
                relationship: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "properties": {
                 *         "patterns": [
                 *           "profile/*"
                 *         ],
                 *         "operations": [
                 *           "read"
                 *         ]
                 *       }
                 *     }
                 */
                "application/json": {
                    properties?: string[] | {
                        patterns?: string[];
                        excluded_patterns?: string[];
                        operations?: ("read" | "write" | "subscribe" | "delete")[];
                        allowed?: unknown;
                        denied?: unknown;
                    };
                    publish?: string[];
                    methods?: string[] | ({
                        allowed?: string[];
                        denied?: string[];
                        patterns?: string[];
                        excluded_patterns?: string[];
                        operations?: string[];
                    } & {
                        [key: string]: unknown;
                    });
                    actions?: string[] | ({
                        allowed?: string[];
                        denied?: string[];
                        patterns?: string[];
                        excluded_patterns?: string[];
                        operations?: string[];
                    } & {
                        [key: string]: unknown;
                    });
                    tools?: string[] | ({
                        allowed?: string[];
                        denied?: string[];
                        patterns?: string[];
                        excluded_patterns?: string[];
                        operations?: string[];
                    } & {
                        [key: string]: unknown;
                    });
                    resources?: string[] | ({
                        allowed?: string[];
                        denied?: string[];
                        patterns?: string[];
                        excluded_patterns?: string[];
                        operations?: string[];
                    } & {
                        [key: string]: unknown;
                    });
                    prompts?: string[] | ({
                        allowed?: string[];
                        denied?: string[];
                        patterns?: string[];
                        excluded_patterns?: string[];
                        operations?: string[];
                    } & {
                        [key: string]: unknown;
                    });
                };
            };
        };
        responses: {
            /** @description The permissions, changed. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Permissions"];
                };
            };
            /** @description The permissions, set for the first time. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Permissions"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorTrustByRelationshipByPeerIdPermissions: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The relationship of the trust. */
                relationship: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They hold. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorPermissionsByPeerId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The permissions. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Permissions"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorProperties: {
        parameters: {
            query?: {
                /** @description With `full`, lists with their items. */
                format?: string;
                /** @description With `true`, names and sizes alone. */
                metadata?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description A subscription of the peer that asks. The answer says which diffs it contains. */
                "x-actingweb-subscription"?: string;
                /** @description An `ETag` that the caller knows, where the place is public. */
                "if-none-match"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Name to value. A list is `{"_list": true, "count": n}`. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description The digest of the body, where the place is public. */
                    etag?: string;
                    /** @description The hub and the topic, where the place is public and at most 1 MiB. */
                    link?: string;
                    /** @description The newest diff of the subscription named in the request that the answer contains. */
                    "x-actingweb-sequence"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description The caller has what is there. Only where the place is public. */
            304: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description The digest of the body, where the place is public. */
                    etag?: string;
                    /** @description The hub and the topic, where the place is public and at most 1 MiB. */
                    link?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found.x-actingweb-sequence.etag.link"];
            413: components["responses"]["413.payload_too_large"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorProperties: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "color": "red",
                 *       "tasks": {
                 *         "_type": "list"
                 *       }
                 *     }
                 */
                "application/json": {
                    [key: string]: unknown;
                };
                /**
                 * @example {
                 *       "color": "red"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    [key: string]: unknown;
                };
            };
        };
        responses: {
            /** @description The pairs as they are stored. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorProperties: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description There are none. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorPropertiesByName: {
        parameters: {
            query?: {
                /** @description The index of one item. */
                index?: string;
                /** @description With `short`, a list's metadata. */
                format?: string;
                /** @description Where a page of a list begins: what the page before gave as `next`. */
                after?: string;
                /** @description The most items of a page. */
                limit?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description A subscription of the peer that asks. The answer says which diffs it contains. */
                "x-actingweb-subscription"?: string;
                /** @description An `ETag` that the caller knows, where the place is public. */
                "if-none-match"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The value: JSON, a string as text. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description The digest of the body, where the place is public. */
                    etag?: string;
                    /** @description The hub and the topic, where the place is public and at most 1 MiB. */
                    link?: string;
                    /** @description The newest diff of the subscription named in the request that the answer contains. */
                    "x-actingweb-sequence"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListPage"] | components["schemas"]["ListMetadata"] | components["schemas"]["Value"];
                    "text/plain": string;
                };
            };
            /** @description The caller has what is there. Only where the place is public. */
            304: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description The digest of the body, where the place is public. */
                    etag?: string;
                    /** @description The hub and the topic, where the place is public and at most 1 MiB. */
                    link?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found.x-actingweb-sequence.etag.link"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    putActorPropertiesByName: {
        parameters: {
            query?: {
                /** @description The index of one item of a list. */
                index?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "v": 1
                 *     }
                 */
                "application/json": components["schemas"]["Value"];
                "*/*": string;
            };
        };
        responses: {
            /** @description It is stored. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            405: components["responses"]["405.method_not_allowed"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorPropertiesByName: {
        parameters: {
            query?: {
                /** @description Ignored: clients of the reference send it. */
                index?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "v": 1
                 *     }
                 */
                "application/json": components["schemas"]["Value"];
                "*/*": string;
            };
        };
        responses: {
            /** @description It is appended. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description The item's URL. */
                    location: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Added"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorPropertiesByName: {
        parameters: {
            query?: {
                /** @description The index of one item of a list. */
                index?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nothing stands there. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            405: components["responses"]["405.method_not_allowed"];
            409: components["responses"]["409.conflict"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorPropertiesByNameByPath: {
        parameters: {
            query?: {
                /** @description The index of one item. */
                index?: string;
                /** @description With `short`, a list's metadata. */
                format?: string;
                /** @description Where a page of a list begins: what the page before gave as `next`. */
                after?: string;
                /** @description The most items of a page. */
                limit?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description A subscription of the peer that asks. The answer says which diffs it contains. */
                "x-actingweb-subscription"?: string;
                /** @description An `ETag` that the caller knows, where the place is public. */
                "if-none-match"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
                /** @description Keys below it, with slashes between them. */
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The value: JSON, a string as text. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description The digest of the body, where the place is public. */
                    etag?: string;
                    /** @description The hub and the topic, where the place is public and at most 1 MiB. */
                    link?: string;
                    /** @description The newest diff of the subscription named in the request that the answer contains. */
                    "x-actingweb-sequence"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListPage"] | components["schemas"]["ListMetadata"] | components["schemas"]["Value"];
                    "text/plain": string;
                };
            };
            /** @description The caller has what is there. Only where the place is public. */
            304: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description The digest of the body, where the place is public. */
                    etag?: string;
                    /** @description The hub and the topic, where the place is public and at most 1 MiB. */
                    link?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found.x-actingweb-sequence.etag.link"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    putActorPropertiesByNameByPath: {
        parameters: {
            query?: {
                /** @description The index of one item of a list. */
                index?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
                /** @description Keys below it, with slashes between them. */
                path: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "v": 1
                 *     }
                 */
                "application/json": components["schemas"]["Value"];
                "*/*": string;
            };
        };
        responses: {
            /** @description It is stored. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            405: components["responses"]["405.method_not_allowed"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorPropertiesByNameByPath: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
                /** @description Keys below it, with slashes between them. */
                path: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "operation": "append",
                 *       "item": {
                 *         "title": "Write"
                 *       }
                 *     }
                 */
                "application/json": {
                    /** @enum {unknown} */
                    operation?: "append" | "insert" | "update" | "delete" | "pop" | "extend" | "clear" | "remove" | "delete_all" | "metadata" | null;
                    /** @enum {unknown} */
                    action?: "add" | "update" | "delete" | null;
                    item?: unknown;
                    items?: unknown;
                    old_item?: unknown;
                    index?: number | null;
                    item_value?: unknown;
                    item_index?: number | null;
                };
            };
        };
        responses: {
            /** @description Items are added. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Added"];
                };
            };
            /** @description It is carried out. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            405: components["responses"]["405.method_not_allowed"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorPropertiesByNameByPath: {
        parameters: {
            query?: {
                /** @description The index of one item of a list. */
                index?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
                /** @description Keys below it, with slashes between them. */
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nothing stands there. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            405: components["responses"]["405.method_not_allowed"];
            409: components["responses"]["409.conflict"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorByTarget: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description An `ETag` that the caller knows, where the place is public. */
                "if-none-match"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A target. */
                target: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The state. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description The digest of the body, where the place is public. */
                    etag?: string;
                    /** @description The hub and the topic, where the place is public and at most 1 MiB. */
                    link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Value"];
                    "*/*": unknown;
                };
            };
            /** @description The caller has what is there. Only where the place is public. */
            304: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description The digest of the body, where the place is public. */
                    etag?: string;
                    /** @description The hub and the topic, where the place is public and at most 1 MiB. */
                    link?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found.etag.link"];
            413: components["responses"]["413.payload_too_large"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorByTargetByPath: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description An `ETag` that the caller knows, where the place is public. */
                "if-none-match"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A target. */
                target: string;
                /** @description Keys below it, with slashes between them. */
                path: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The state. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description The digest of the body, where the place is public. */
                    etag?: string;
                    /** @description The hub and the topic, where the place is public and at most 1 MiB. */
                    link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Value"];
                    "*/*": unknown;
                };
            };
            /** @description The caller has what is there. Only where the place is public. */
            304: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description The digest of the body, where the place is public. */
                    etag?: string;
                    /** @description The hub and the topic, where the place is public and at most 1 MiB. */
                    link?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found.etag.link"];
            413: components["responses"]["413.payload_too_large"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorSubscriptions: {
        parameters: {
            query?: {
                /** @description Only those with this peer. */
                peerid?: string;
                /** @description Only those of this target. */
                target?: string;
                /** @description Only those of this subtarget; empty: those without. */
                subtarget?: string;
                /** @description Only those of this resource; empty: those without. */
                resource?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description In order of creation. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        data: components["schemas"]["Subscription"][];
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorSubscriptions: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "peerid": "abc",
                 *       "target": "properties",
                 *       "subtarget": "color",
                 *       "granularity": "high"
                 *     }
                 */
                "application/json": {
                    peerid: string;
                    target: string;
                    subtarget?: string | null;
                    resource?: string | null;
                    /**
                     * @default high
                     * @enum {string}
                     */
                    granularity?: "high" | "low" | "none";
                };
            };
        };
        responses: {
            /** @description The peer made the subscription. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description The subscription's URL at the peer. */
                    location: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            408: components["responses"]["408.peer_unreachable"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            502: components["responses"]["502.peer_invalid_answer.peer_refused"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorSubscriptionsByPeerId: {
        parameters: {
            query?: {
                /** @description Only those with this peer. */
                peerid?: string;
                /** @description Only those of this target. */
                target?: string;
                /** @description Only those of this subtarget; empty: those without. */
                subtarget?: string;
                /** @description Only those of this resource; empty: those without. */
                resource?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description In order of creation. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        peerid: string;
                        data: components["schemas"]["Subscription"][];
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorSubscriptionsByPeerId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "target": "properties",
                 *       "subtarget": "color",
                 *       "granularity": "high"
                 *     }
                 */
                "application/json": {
                    target: string;
                    subtarget?: string | null;
                    resource?: string | null;
                    granularity?: ("high" | "low" | "none") | null;
                    accept_encoding?: string | null;
                } | {
                    subscriptions: unknown[];
                };
            };
        };
        responses: {
            /** @description The subscription. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description The subscription's URL. */
                    location: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubscriptionMade"];
                };
            };
            /** @description One result for each of the `subscriptions`, in their order. */
            207: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        results: ({
                            /** @constant */
                            status: 201;
                            location: string;
                            subscriptionid: string;
                            target: string;
                            subtarget: string;
                            resource: string;
                            /** @enum {unknown} */
                            granularity: "high" | "low" | "none";
                            sequence: number;
                        } | {
                            status: number;
                            error: {
                                code: components["schemas"]["ErrorCode"];
                                message: string;
                                requestId: string;
                            };
                        })[];
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorSubscriptionsByPeerIdBySubscriptionId: {
        parameters: {
            query?: {
                /** @description Only diffs after this number. */
                after?: string;
                /** @description The most diffs. */
                limit?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The diffs in ascending order. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backlog"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            410: components["responses"]["410.gone"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    putActorSubscriptionsByPeerIdBySubscriptionId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "sequence": 0
                 *     }
                 */
                "application/json": {
                    sequence: number;
                };
            };
        };
        responses: {
            /** @description It is cleared. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorSubscriptionsByPeerIdBySubscriptionId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It has ended. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorSubscriptionsByPeerIdBySubscriptionIdBySequence: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
                /** @description The number of a diff. */
                sequence: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The diff. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description The newest diff that is contained in this one, which is a state. */
                    "x-actingweb-sequence"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OneDiff"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorSubscriptionsByPeerIdBySubscriptionIdResync: {
        parameters: {
            query?: {
                /** @description With `catch_up` the state is read only where it must. */
                mode?: "catch_up" | "resync";
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is up to date. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        subscriptionid: string;
                        /** @enum {unknown} */
                        result: "caught_up" | "resynced";
                        sequence: number;
                        applied: number;
                    };
                };
            };
            /** @description The state is too large for one request and is being read. */
            202: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        subscriptionid: string;
                        /** @constant */
                        result: "underway";
                        sequence: number;
                        applied: number;
                        recovery?: components["schemas"]["Recovery"];
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            408: components["responses"]["408.peer_unreachable"];
            409: components["responses"]["409.conflict"];
            410: components["responses"]["410.gone"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            502: components["responses"]["502.peer_invalid_answer.peer_refused"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorSubscriptionsByPeerIdBySubscriptionIdState: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stream. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StreamState"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorSubscriptionsByPeerIdBySubscriptionIdState: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It has begun. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    putActorCallbacksSubscriptionsByPeerIdBySubscriptionId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description How the body is compressed. */
                "content-encoding"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "id": "abc",
                 *       "target": "properties",
                 *       "sequence": 1,
                 *       "timestamp": "2026-01-31T12:00:00Z",
                 *       "granularity": "high",
                 *       "data": {
                 *         "color": "red"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["Callback"];
                "*/*": components["schemas"]["Callback"];
            };
        };
        responses: {
            /** @description The number was applied before. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallbackTaken"];
                };
            };
            /** @description It is applied, and so are buffered ones that follow. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallbackTaken"];
                };
            };
            /** @description It is buffered until what comes before it is applied. */
            202: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallbackTaken"];
                };
            };
            /** @description It is accepted. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type.accept-encoding"];
            429: components["responses"]["429.pending_queue_full"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.busy.fetch_failed.service_unavailable"];
        };
    };
    postActorCallbacksSubscriptionsByPeerIdBySubscriptionId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description How the body is compressed. */
                "content-encoding"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "id": "abc",
                 *       "target": "properties",
                 *       "sequence": 1,
                 *       "timestamp": "2026-01-31T12:00:00Z",
                 *       "granularity": "high",
                 *       "data": {
                 *         "color": "red"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["Callback"];
                "*/*": components["schemas"]["Callback"];
            };
        };
        responses: {
            /** @description The number was applied before. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallbackTaken"];
                };
            };
            /** @description It is applied, and so are buffered ones that follow. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallbackTaken"];
                };
            };
            /** @description It is buffered until what comes before it is applied. */
            202: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallbackTaken"];
                };
            };
            /** @description It is accepted. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type.accept-encoding"];
            429: components["responses"]["429.pending_queue_full"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.busy.fetch_failed.service_unavailable"];
        };
    };
    deleteActorCallbacksSubscriptionsByPeerIdBySubscriptionId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description The subscription. */
                subscriptionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It has ended. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorCallbacksPermissionsByPeerId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description How the body is compressed. */
                "content-encoding"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "id": "abc",
                 *       "target": "permissions",
                 *       "type": "permission",
                 *       "timestamp": "2026-01-31T12:00:00Z",
                 *       "data": {
                 *         "properties": {
                 *           "patterns": [
                 *             "*"
                 *           ],
                 *           "operations": [
                 *             "read"
                 *           ]
                 *         }
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["PermissionCallback"];
                "*/*": components["schemas"]["PermissionCallback"];
            };
        };
        responses: {
            /** @description A newer one has come before. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        result: "ignored";
                    };
                };
            };
            /** @description The grant is replaced. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type.accept-encoding"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorCallbacksByName: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "*/*": unknown;
            };
        };
        responses: {
            /** @description The hook took it. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    putActorCallbacksByName: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "*/*": unknown;
            };
        };
        responses: {
            /** @description The hook took it. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorCallbacksByName: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "*/*": unknown;
            };
        };
        responses: {
            /** @description The hook took it. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorCallbacksByName: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "*/*": unknown;
            };
        };
        responses: {
            /** @description The hook took it. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getEvents: {
        parameters: {
            query?: {
                /** @description `earliest`, `now`, or a position. */
                from?: string;
                /** @description Patterns, separated by commas. */
                topics?: string;
                /** @description Types, separated by commas. */
                types?: string;
                /** @description Most events. */
                limit?: number;
                /** @description Seconds to wait for an event. */
                wait?: number;
                /** @description As `from`; `-1` is `earliest`. */
                offset?: string;
                /** @description `long-poll`: waits 20 s. */
                live?: string;
                /** @description The `Stream-Cursor` of the answer before. */
                cursor?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description The `ETag` of an answer. */
                "if-none-match"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events in order. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Where the next request begins: its `from` or `offset`. */
                    "stream-next-offset": string;
                    /** @description `true`: the log has nothing more. */
                    "stream-up-to-date"?: string;
                    /** @description Of a live reader of Durable Streams. */
                    "stream-cursor"?: string;
                    /** @description `nosniff` */
                    "x-content-type-options": string;
                    /** @description `cross-origin` */
                    "cross-origin-resource-policy": string;
                    /** @description Stands for the events of the answer. */
                    etag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Event"][];
                };
            };
            /** @description The wait ended without an event. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description Where the next request begins: its `from` or `offset`. */
                    "stream-next-offset": string;
                    /** @description `true`: the log has nothing more. */
                    "stream-up-to-date"?: string;
                    /** @description Of a live reader of Durable Streams. */
                    "stream-cursor"?: string;
                    /** @description `nosniff` */
                    "x-content-type-options": string;
                    /** @description `cross-origin` */
                    "cross-origin-resource-policy": string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The answer would be the same. */
            304: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description Where the next request begins: its `from` or `offset`. */
                    "stream-next-offset": string;
                    /** @description `true`: the log has nothing more. */
                    "stream-up-to-date"?: string;
                    /** @description Of a live reader of Durable Streams. */
                    "stream-cursor"?: string;
                    /** @description `nosniff` */
                    "x-content-type-options": string;
                    /** @description `cross-origin` */
                    "cross-origin-resource-policy": string;
                    /** @description Stands for the events of the answer. */
                    etag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            410: components["responses"]["410.position_gone"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorEvents: {
        parameters: {
            query?: {
                /** @description `earliest`, `now`, or a position. */
                from?: string;
                /** @description Patterns, separated by commas. */
                topics?: string;
                /** @description Types, separated by commas. */
                types?: string;
                /** @description Most events. */
                limit?: number;
                /** @description Seconds to wait for an event. */
                wait?: number;
                /** @description As `from`; `-1` is `earliest`. */
                offset?: string;
                /** @description `long-poll`: waits 20 s. */
                live?: string;
                /** @description The `Stream-Cursor` of the answer before. */
                cursor?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description The `ETag` of an answer. */
                "if-none-match"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events in order. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Where the next request begins: its `from` or `offset`. */
                    "stream-next-offset": string;
                    /** @description `true`: the log has nothing more. */
                    "stream-up-to-date"?: string;
                    /** @description Of a live reader of Durable Streams. */
                    "stream-cursor"?: string;
                    /** @description `nosniff` */
                    "x-content-type-options": string;
                    /** @description `cross-origin` */
                    "cross-origin-resource-policy": string;
                    /** @description Stands for the events of the answer. */
                    etag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Event"][];
                };
            };
            /** @description The wait ended without an event. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description Where the next request begins: its `from` or `offset`. */
                    "stream-next-offset": string;
                    /** @description `true`: the log has nothing more. */
                    "stream-up-to-date"?: string;
                    /** @description Of a live reader of Durable Streams. */
                    "stream-cursor"?: string;
                    /** @description `nosniff` */
                    "x-content-type-options": string;
                    /** @description `cross-origin` */
                    "cross-origin-resource-policy": string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The answer would be the same. */
            304: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description Where the next request begins: its `from` or `offset`. */
                    "stream-next-offset": string;
                    /** @description `true`: the log has nothing more. */
                    "stream-up-to-date"?: string;
                    /** @description Of a live reader of Durable Streams. */
                    "stream-cursor"?: string;
                    /** @description `nosniff` */
                    "x-content-type-options": string;
                    /** @description `cross-origin` */
                    "cross-origin-resource-policy": string;
                    /** @description Stands for the events of the answer. */
                    etag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            410: components["responses"]["410.position_gone.link"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorEvents: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the publication: a repetition within 24 hours publishes nothing. */
                "idempotency-key"?: string;
                /** @description `respond-async`: answer before the subscribers are notified. */
                prefer?: string;
                /** @description Events of one key are kept in order. */
                partitionkey?: string;
                /** @description Of a CloudEvent in headers: `1.0`. */
                "ce-specversion"?: string;
                /** @description Of a CloudEvent in headers. */
                "ce-id"?: string;
                /** @description Of a CloudEvent in headers. */
                "ce-source"?: string;
                /** @description Of a CloudEvent in headers. */
                "ce-type"?: string;
                /** @description Of a CloudEvent in headers: the topic. */
                "ce-subject"?: string;
                /** @description Any further attribute of a CloudEvent in headers. */
                "ce-*"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "specversion": "1.0",
                 *       "id": "o-42",
                 *       "source": "https://shop.example",
                 *       "type": "com.example.order.created",
                 *       "subject": "orders.42.created",
                 *       "data": {
                 *         "total": 10
                 *       }
                 *     }
                 */
                "application/cloudevents+json": components["schemas"]["CloudEvent"];
                /**
                 * @example [
                 *       {
                 *         "specversion": "1.0",
                 *         "id": "o-42",
                 *         "source": "https://shop.example",
                 *         "type": "com.example.order.created",
                 *         "subject": "orders.42.created",
                 *         "data": {
                 *           "total": 10
                 *         }
                 *       }
                 *     ]
                 */
                "application/cloudevents-batch+json": components["schemas"]["CloudEvent"][];
                "application/json": components["schemas"]["Value"];
                "text/*": string;
                "*/*": string;
            };
        };
        responses: {
            /** @description It was published before; nothing is sent. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Published"];
                };
            };
            /** @description It is published. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Published"];
                };
            };
            /** @description It is published; subscribers are notified after the answer. */
            202: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description `respond-async` */
                    "preference-applied": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Published"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch.topic_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.limit_reached"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.idempotency_conflict"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorEventsByTopic: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the publication: a repetition within 24 hours publishes nothing. */
                "idempotency-key"?: string;
                /** @description `respond-async`: answer before the subscribers are notified. */
                prefer?: string;
                /** @description Events of one key are kept in order. */
                partitionkey?: string;
                /** @description Of a CloudEvent in headers: `1.0`. */
                "ce-specversion"?: string;
                /** @description Of a CloudEvent in headers. */
                "ce-id"?: string;
                /** @description Of a CloudEvent in headers. */
                "ce-source"?: string;
                /** @description Of a CloudEvent in headers. */
                "ce-type"?: string;
                /** @description Of a CloudEvent in headers: the topic. */
                "ce-subject"?: string;
                /** @description Any further attribute of a CloudEvent in headers. */
                "ce-*"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The topic: tokens with dots between them. */
                topic: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "total": 10
                 *     }
                 */
                "application/json": components["schemas"]["Value"];
                "text/*": string;
                "*/*": string;
                /**
                 * @example {
                 *       "specversion": "1.0",
                 *       "id": "o-42",
                 *       "source": "https://shop.example",
                 *       "type": "com.example.order.created",
                 *       "subject": "orders.42.created",
                 *       "data": {
                 *         "total": 10
                 *       }
                 *     }
                 */
                "application/cloudevents+json": components["schemas"]["CloudEvent"];
            };
        };
        responses: {
            /** @description It was published before; nothing is sent. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Published"];
                };
            };
            /** @description It is published. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Published"];
                };
            };
            /** @description It is published; subscribers are notified after the answer. */
            202: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description `respond-async` */
                    "preference-applied": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Published"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch.topic_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.limit_reached"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            422: components["responses"]["422.idempotency_conflict"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorEventsByPositionData: {
        parameters: {
            query: {
                /** @description When the URL ends, s since 1970. */
                expires: string;
                /** @description The credential. */
                token: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The position of the event. */
                position: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The data, of the event's `datacontenttype`. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                    "*/*": unknown;
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            403: components["responses"]["403.token_invalid"];
            404: components["responses"]["404.not_found"];
            410: components["responses"]["410.position_gone.link"];
            413: components["responses"]["413.payload_too_large"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorWebhooks: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The webhooks. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Webhook"][];
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorWebhooksByWebhookId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Are my settings still these? */
                "if-none-match"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The webhook. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
            /** @description The settings are these. */
            304: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    putActorWebhooksByWebhookId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description The `ETag` of the settings to be changed. */
                "if-match"?: string;
                /** @description `*`: only if there is no such webhook. */
                "if-none-match"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "url": "https://listener.example/events",
                 *       "topics": [
                 *         "orders.>"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /** @description Where events go; in place of `urls`. `bus:` is the event bus. */
                    url?: string | null;
                    urls?: string[] | null;
                    topics: string[];
                    types?: string[] | null;
                    from?: string | null;
                    order?: ("key" | "strict" | "none") | null;
                    parallel?: number | null;
                    signature?: ("v1" | "none") | null;
                    secret?: string | null;
                    bearer?: string | null;
                    headers?: {
                        [key: string]: string;
                    } | null;
                    rate?: {
                        limit: number;
                        periodSeconds: number;
                    } | null;
                    maxAttempts?: number | null;
                    onExhausted?: ("park" | "stop") | null;
                    retryAmbiguous?: boolean | null;
                    timeoutSeconds?: number | null;
                    inlineMaxBytes?: number | null;
                };
            };
        };
        responses: {
            /** @description The webhook, changed or as it was. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
            /** @description The webhook, made. With a minted secret, shown this once. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.limit_reached"];
            410: components["responses"]["410.position_gone.link"];
            412: components["responses"]["412.precondition_failed"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            428: components["responses"]["428.precondition_required"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorWebhooksByWebhookId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It has ended. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorWebhooksByWebhookIdAttempts: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Newest first. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Attempt"][];
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorWebhooksByWebhookIdTest: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The attempt. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Attempt"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.rate_limited.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorWebhooksByWebhookIdRotate: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "overlapSeconds": 86400
                 *     }
                 */
                "application/json": {
                    overlapSeconds?: number | null;
                };
            };
        };
        responses: {
            /** @description The secret. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        secret: string;
                        /** Format: date-time */
                        overlapUntil: string;
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorWebhooksByWebhookIdPause: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The webhook. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorWebhooksByWebhookIdResume: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "skip": false
                 *     }
                 */
                "application/json": {
                    skip?: boolean | null;
                    from?: string | null;
                };
            };
        };
        responses: {
            /** @description The webhook. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.limit_reached"];
            410: components["responses"]["410.position_gone.link"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorWebhooksByWebhookIdRedrive: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The webhook, as its owner names it. */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "parked": true
                 *     }
                 */
                "application/json": {
                    parked?: boolean | null;
                    from?: string | null;
                    to?: string | null;
                    max?: number | null;
                };
            };
        };
        responses: {
            /** @description The task that sends them. */
            202: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description The task's URL. */
                    location: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            410: components["responses"]["410.position_gone.link"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorTasksByTaskId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The task. */
                taskId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How far it has come. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Task"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorTasksByTaskId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The task. */
                taskId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is cancelled. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorGroups: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The groups. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Group"][];
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorGroupsByGroup: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Are my settings still these? */
                "if-none-match"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The group. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Group"];
                };
            };
            /** @description The settings are these. */
            304: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    putActorGroupsByGroup: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description The `ETag` of the settings to be changed. */
                "if-match"?: string;
                /** @description `*`: only if there is no such group. */
                "if-none-match"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "topics": [
                 *         "orders.>"
                 *       ],
                 *       "lanes": 4
                 *     }
                 */
                "application/json": components["schemas"]["GroupSettings"];
            };
        };
        responses: {
            /** @description The group, changed or as it was. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Group"];
                };
            };
            /** @description The group, made. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Group"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.limit_reached"];
            410: components["responses"]["410.position_gone.link"];
            412: components["responses"]["412.precondition_failed"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            428: components["responses"]["428.precondition_required"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorGroupsByGroup: {
        parameters: {
            query?: {
                /** @description Seconds to wait for live leases. */
                drainSeconds?: number;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It has ended. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        drained: boolean;
                    };
                };
            };
            /** @description It ends with its last lease. */
            202: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        drained: boolean;
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorGroupsByGroupFetch: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the fetch: a repetition takes back what the first one lent. */
                "idempotency-key"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "consumer": "c1",
                 *       "max": 50,
                 *       "waitSeconds": 0
                 *     }
                 */
                "application/json": components["schemas"]["Fetch"];
            };
        };
        responses: {
            /** @description Events that the consumer has until its lease ends. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Batch"];
                };
            };
            /** @description There is nothing to fetch. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description Seconds after which to fetch again. */
                    "retry-after": string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            410: components["responses"]["410.position_gone.link"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            423: components["responses"]["423.held.retry-after"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorGroupsByGroupAck: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "t",
                 *       "upTo": "0001-0000000000000001-z"
                 *     }
                 */
                "application/json": components["schemas"]["Ack"];
            };
        };
        responses: {
            /** @description The outcome of each verdict, and the leases that are left. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Acknowledged"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.fenced"];
            410: components["responses"]["410.position_gone.link"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorGroupsByGroupReset: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "to": "earliest"
                 *     }
                 */
                "application/json": {
                    to: string;
                    lanes?: number | null;
                };
            };
        };
        responses: {
            /** @description The group. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Group"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            410: components["responses"]["410.position_gone.link"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorGroupsByGroupPause: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The group. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Group"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorGroupsByGroupResume: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "skip": false
                 *     }
                 */
                "application/json": {
                    skip?: boolean | null;
                };
            };
        };
        responses: {
            /** @description The group. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Group"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getGroups: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Their names. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: {
                            name: string;
                        }[];
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getGroupsByGroup: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Are my settings still these? */
                "if-none-match"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The group. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RootGroup"];
                };
            };
            /** @description The settings are these. */
            304: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    putGroupsByGroup: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description The `ETag` of the settings to be changed. */
                "if-match"?: string;
                /** @description `*`: only if there is no such group. */
                "if-none-match"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "topics": [
                 *         "*.orders.>"
                 *       ],
                 *       "lanes": 4
                 *     }
                 */
                "application/json": {
                    topics: string[];
                    types?: string[] | null;
                    from?: string | null;
                    lanes?: (number | unknown[]) | null;
                    order?: ("key" | "strict") | null;
                    leaseSeconds?: number | null;
                    maxAttempts?: number | null;
                    onExhausted?: ("park" | "stop") | null;
                };
            };
        };
        responses: {
            /** @description The group, changed or as it was. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RootGroup"];
                };
            };
            /** @description The group, made. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RootGroup"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.limit_reached"];
            410: components["responses"]["410.position_gone"];
            412: components["responses"]["412.precondition_failed"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            428: components["responses"]["428.precondition_required"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteGroupsByGroup: {
        parameters: {
            query?: {
                /** @description Seconds to wait for live leases. */
                drainSeconds?: number;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It has ended. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        drained: boolean;
                    };
                };
            };
            /** @description It ends with its last lease, or once what it knows of actors is deleted. */
            202: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        drained: boolean;
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postGroupsByGroupFetch: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the fetch: a repetition takes back what the first one lent. */
                "idempotency-key"?: string;
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "consumer": "c1",
                 *       "max": 50,
                 *       "waitSeconds": 0
                 *     }
                 */
                "application/json": components["schemas"]["Fetch"];
            };
        };
        responses: {
            /** @description Events that the consumer has until its lease ends. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Batch"];
                };
            };
            /** @description There is nothing to fetch. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    /** @description Seconds after which to fetch again. */
                    "retry-after": string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            423: components["responses"]["423.held.retry-after"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postGroupsByGroupAck: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "t",
                 *       "upTo": "5f0c.0001-0000000000000001-z"
                 *     }
                 */
                "application/json": {
                    token: string;
                    upTo?: string | null;
                    items?: {
                        position: string;
                        /** @enum {string} */
                        verdict: "ack" | "retry" | "park" | "skip" | "stop" | "release";
                        delaySeconds?: number | null;
                    }[] | null;
                    extend?: boolean | null;
                    done?: boolean | null;
                };
            };
        };
        responses: {
            /** @description The outcome of each verdict, and the lease that is left. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Acknowledged"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.fenced"];
            410: components["responses"]["410.position_gone"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postGroupsByGroupReset: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "to": "earliest"
                 *     }
                 */
                "application/json": {
                    to: string;
                    lanes?: number | null;
                };
            };
        };
        responses: {
            /** @description The group. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RootGroup"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            410: components["responses"]["410.position_gone"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postGroupsByGroupPause: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The group. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RootGroup"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postGroupsByGroupResume: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The consumer group, as its owner names it. */
                group: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "skip": false
                 *     }
                 */
                "application/json": {
                    skip?: boolean | null;
                };
            };
        };
        responses: {
            /** @description The group. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    /** @description Stands for the settings alone. */
                    etag: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RootGroup"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorSuspensions: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The targets. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        data: components["schemas"]["Suspension"][];
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorSuspensions: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "target": "properties"
                 *     }
                 */
                "application/json": {
                    target: string;
                    subtarget?: string | null;
                    resource?: unknown;
                };
            };
        };
        responses: {
            /** @description It was suspended before. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Suspension"];
                };
            };
            /** @description It is suspended. */
            201: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Suspension"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorSuspensionsByTarget: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A target. */
                target: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They are resumed. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        count: number;
                        resynced: number;
                        failed: number;
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorSuspensionsByTargetBySubtarget: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description A target. */
                target: string;
                /** @description A subtarget. */
                subtarget: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They are resumed. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        count: number;
                        resynced: number;
                        failed: number;
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorPublic: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Globs of properties, and targets. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PublicAccess"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    putActorPublic: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "properties": [
                 *         "profile"
                 *       ],
                 *       "targets": []
                 *     }
                 */
                "application/json": {
                    properties?: string[];
                    targets?: string[];
                };
            };
        };
        responses: {
            /** @description It is public. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorHub: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "hub.mode": "subscribe",
                 *       "hub.topic": "https://service.example/abc/properties/profile",
                 *       "hub.callback": "https://subscriber.example/callback"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @constant */
                    "hub.mode": "publish";
                    "hub.topic": string;
                } | {
                    /** @constant */
                    "hub.mode": "unsubscribe";
                    "hub.topic": string;
                    "hub.callback": string;
                } | {
                    /** @constant */
                    "hub.mode": "subscribe";
                    "hub.topic": string;
                    "hub.callback": string;
                    "hub.secret"?: string;
                    "hub.lease_seconds"?: string;
                };
            };
        };
        responses: {
            /** @description It is accepted. */
            202: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.text.bad_request.digest_mismatch"];
            404: components["responses"]["404.text.not_found"];
            409: components["responses"]["409.text.limit_reached"];
            413: components["responses"]["413.text.payload_too_large"];
            415: components["responses"]["415.text.unsupported_media_type"];
            429: components["responses"]["429.text.rate_limited"];
            500: components["responses"]["500.text.internal_error"];
            503: components["responses"]["503.text.service_unavailable"];
        };
    };
    getActorPeers: {
        parameters: {
            query?: {
                /** @description Where the page begins: what the page before gave as `next`. */
                after?: string;
                /** @description The most entries of a page. */
                limit?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page, by peer id. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Peer"][];
                        next?: string;
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorPeersByPeerIdProperties: {
        parameters: {
            query?: {
                /** @description Where the page begins: what the page before gave as `next`. */
                after?: string;
                /** @description The most entries of a page. */
                limit?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page, by name. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: {
                            [key: string]: components["schemas"]["PeerProperty"];
                        };
                        next?: string;
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorPeersByPeerIdPropertiesByName: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
                /** @description A name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The property. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PeerProperty"];
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.payload_too_large"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    deleteActorPeersByPeerIdBreaker: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The peer's actor. */
                peerId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is closed. */
            204: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    getActorParked: {
        parameters: {
            query?: {
                /** @description Where the page begins: what the page before gave as `next`. */
                after?: string;
                /** @description The most entries of a page. */
                limit?: string;
                /** @description Only what failed there, such as `webhook:<id>`. */
                source?: string;
                /** @description Only what failed at hooks of subscriptions to this peer. */
                peerid?: string;
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["FailedEvent"][];
                        next?: string;
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.service_unavailable"];
        };
    };
    postActorParkedByEventId: {
        parameters: {
            query?: {
                /** @description As `X-HTTP-Method-Override`. */
                _method?: components["parameters"]["Method"];
            };
            header?: {
                /** @description Names the request in the log and in requests to peers. */
                "x-request-id"?: components["parameters"]["RequestId"];
                /** @description The W3C trace that the request belongs to. */
                traceparent?: components["parameters"]["Traceparent"];
                /** @description The digest of the body (RFC 9530); checked before the route acts. */
                "content-digest"?: components["parameters"]["ContentDigest"];
                /** @description `PUT` or `DELETE`: the method that a GET or POST stands for. */
                "x-http-method-override"?: components["parameters"]["MethodOverride"];
            };
            path: {
                /** @description The actor. */
                actorId: string;
                /** @description The failed event. */
                eventId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "action": "skip"
                 *     }
                 */
                "application/json": {
                    /** @enum {string} */
                    action: "retry" | "skip";
                };
            };
        };
        responses: {
            /** @description What became of it. */
            200: {
                headers: {
                    "x-request-id": components["headers"]["x-request-id"];
                    "cache-control": components["headers"]["cache-control"];
                    "apigw-requestid": components["headers"]["apigw-requestid"];
                    "content-digest": components["headers"]["content-digest"];
                    vary: components["headers"]["vary"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        id: string;
                        /** @enum {unknown} */
                        result: "done" | "dropped" | "skipped" | "retry" | "parked" | "stopped" | "held";
                    };
                };
            };
            400: components["responses"]["400.bad_request.digest_mismatch"];
            401: components["responses"]["401.unauthorized"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.payload_too_large"];
            415: components["responses"]["415.unsupported_media_type"];
            429: components["responses"]["429.too_many_attempts"];
            500: components["responses"]["500.internal_error"];
            503: components["responses"]["503.busy.service_unavailable"];
        };
    };
}
