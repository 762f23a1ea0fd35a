// Browsers start no Worker for a page that is read from a file. The search then runs in a hidden frame instead.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(script) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      this.frame.srcdoc = "<script>postMessage = message => parent.postMessage(message, '*')</script>"
        + `<script src="${script}"></script>`
      this.ready = new Promise(resolve => this.frame.addEventListener("load", resolve, { once: true }))
      window.addEventListener("message", ({ source, data }) => {
        if (source === this.frame.contentWindow) this.dispatchEvent(new MessageEvent("message", { data }))
      })
      document.body.appendChild(this.frame)
    }

    postMessage(message) {
      // Not the frame's postMessage, which leads here.
      this.ready.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data: message })))
    }
  }
}
