/** A bar for each day or hour, of parts that lie on each other; its numbers also as a table. */

export interface Bar {
  name: string;
  values: number[];
}

const HEIGHT = 60;
const WIDTH = 10;
const GAP = 2;

/** `parts`: what the values are, from the bottom; the first is as it should be. */
export function Bars({ title, parts, bars }: { title: string; parts: string[]; bars: Bar[] }) {
  const sum = ({ values }: Bar) => values.reduce((total, value) => total + value, 0);
  const most = Math.max(1, ...bars.map(sum));
  return (
    <figure className="plot">
      <figcaption className="quiet">
        {title}; at most {Math.max(0, ...bars.map(sum))}
        {parts.map((part, index) => (
          <span className="key" key={part} data-part={index}>
            {part}
          </span>
        ))}
      </figcaption>
      <svg viewBox={`0 0 ${bars.length * WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {bars.map((bar, column) => {
          let top = HEIGHT;
          return (
            <g key={bar.name}>
              <title>{`${bar.name}: ${bar.values.map((value, part) => `${value} ${parts[part]}`).join(", ")}`}</title>
              <rect className="ground" x={column * WIDTH} y="0" width={WIDTH - GAP} height={HEIGHT} />
              {bar.values.map((value, part) => {
                const height = (value / most) * HEIGHT;
                top -= height;
                return <rect key={parts[part]} data-part={part} x={column * WIDTH} y={top} width={WIDTH - GAP} height={height} />;
              })}
            </g>
          );
        })}
      </svg>
      <p className="axis quiet" aria-hidden="true">
        <span>{bars[0]?.name}</span>
        <span>{bars.at(-1)?.name}</span>
      </p>
      <details>
        <summary>
          <span className="unseen">{title}: </span>as a table
        </summary>
        <div className="scrolled" tabIndex={0} role="region" aria-label={title}>
          <table>
            <thead>
              <tr>
                <th scope="col">When</th>
                {parts.map((part) => (
                  <th scope="col" key={part}>
                    {part}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {bars.map(({ name, values }) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  {values.map((value, part) => (
                    <td key={parts[part]}>{value}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
