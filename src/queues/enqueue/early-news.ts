/**
 * News of jobs that comes while a question is under way whose answer tells which of them is meant: news and answers overtake each other.
 * One id may be that of several jobs, one after the other, so all of it is kept until no question is left.
 */
export class EarlyNews<News extends { readonly at: number }> {
  readonly #news = new Map<string, News[]>()
  #questions = 0

  /** Keeps what is told until the answer has been dealt with. */
  async whileAsking<A>(ask: () => Promise<A>): Promise<A> {
    this.#questions += 1
    try {
      return await ask()
    } finally {
      this.#questions -= 1
      if (this.#questions === 0) this.#news.clear()
    }
  }

  /** True while a question is under way. */
  get listens(): boolean {
    return this.#questions > 0
  }

  told(id: string, news: News): void {
    if (!this.listens) return
    const all = this.#news.get(id)
    if (all === undefined) this.#news.set(id, [news])
    else all.push(news)
  }

  /** The first end of that id that is not older than `since`: that of the job that was there then. */
  first(id: string, since: number): News | undefined {
    let first: News | undefined
    for (const news of this.#news.get(id) ?? []) {
      if (news.at >= since && !(first !== undefined && first.at <= news.at)) first = news
    }
    return first
  }

  clear(): void {
    this.#news.clear()
  }
}
