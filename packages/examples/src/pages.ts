/** All of a list that is given out page by page. */
export async function* pages<Row extends { readonly id: string }>(
  list: (page: { readonly limit: number; readonly after?: string }) => Promise<readonly Row[]>,
): AsyncGenerator<Row> {
  const limit = 1_000;
  for (let page = await list({ limit }); ; ) {
    yield* page;
    if (page.length < limit) return;
    page = await list({ limit, after: page.at(-1)!.id });
  }
}
