/** The span a counter covers. Calendar periods join `lifetime` here; their key names kind, zone and date. */
export type Period = "lifetime";

export const lifetime = "lifetime" as const;
